import { setTimeout as pause } from "node:timers/promises";
import type { APIRoute } from "astro";

export const GET: APIRoute = async ({ locals, url }) => {
  await pause(Number(url.searchParams.get("ms")));
  return new Response(locals.session.userId ?? "nobody");
};
