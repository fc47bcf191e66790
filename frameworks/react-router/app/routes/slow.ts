import { setTimeout as pause } from "node:timers/promises";
import { session } from "../session.server.ts";
import type { Route } from "./+types/slow";

export async function loader({ context, request }: Route.LoaderArgs) {
  await pause(Number(new URL(request.url).searchParams.get("ms")));
  return new Response(session.of(context).userId ?? "nobody");
}
