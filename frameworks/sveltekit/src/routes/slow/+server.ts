import { setTimeout as pause } from "node:timers/promises";
import type { RequestHandler } from "./$types";

export const GET: RequestHandler = async ({ locals, url }) => {
  await pause(Number(url.searchParams.get("ms")));
  return new Response(locals.session.userId ?? "nobody");
};
