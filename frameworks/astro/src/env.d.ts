import type { RequestSession } from "sojourn/astro";
import type { Data } from "./lib/sessions.ts";

declare global {
  namespace App {
    interface Locals {
      session: RequestSession<Data>;
    }
  }
}
