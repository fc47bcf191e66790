import type { Hono } from "hono";
import { noLog, type Log } from "../../src/http/log.ts";
import { listen, type Limits, type Listening } from "../../src/node/listen.ts";

/** Serves an app on a port of its own. */
export async function serveApp(
  app: Hono,
  options: { readonly limits?: Partial<Limits>; readonly log?: Log } = {},
): Promise<Listening> {
  return listen({ fetch: app.fetch, host: "127.0.0.1", port: 0, log: noLog, ...options });
}
