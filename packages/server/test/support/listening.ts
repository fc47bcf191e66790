import { noLog } from "../../src/http/log.ts";
import { listen, type Listening, type ListenOptions } from "../../src/node/listen.ts";

/** Serves an app on a port of its own, and without it what is fast, if that is given. */
export async function serveApp(
  app: Pick<ListenOptions, "fetch">,
  options: Partial<Pick<ListenOptions, "limits" | "log" | "fastRoutes">> = {},
): Promise<Listening> {
  return listen({ fetch: app.fetch, host: "127.0.0.1", port: 0, log: noLog, ...options });
}
