import type { RequestSession } from "sojourn/sveltekit";
import type { Data } from "./lib/server/sessions.ts";

declare global {
  namespace App {
    interface Locals {
      session: RequestSession<Data>;
    }
  }
}
