import { setTimeout as pause } from "node:timers/promises";
import { getSession } from "../../lib/session";

export async function GET(request: Request) {
  await pause(Number(new URL(request.url).searchParams.get("ms")));
  const { userId } = await getSession();
  return new Response(userId ?? "nobody");
}
