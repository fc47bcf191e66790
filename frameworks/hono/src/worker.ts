/** The same app as a Cloudflare Worker, with its sessions in Durable Objects. */
import { createSessions } from "sojourn/core";
import { durableObjectStore, type ShardNamespace } from "sojourn/cloudflare";
import { createApp } from "./app.ts";
import type { Data } from "./sessions.ts";

export { SessionShard } from "sojourn/cloudflare";

interface Env {
  readonly SESSIONS: ShardNamespace;
  readonly SESSION_KEY: string;
}

let app: ReturnType<typeof createApp> | undefined;

export default {
  fetch(request: Request, env: Env) {
    app ??= createApp({
      sessions: createSessions<Data>({ store: durableObjectStore(env.SESSIONS, { shards: 2 }) }),
      keys: [env.SESSION_KEY],
      development: true,
    });
    return app.fetch(request);
  },
};
