/**
 * A Worker for Cloudflare. Under `/sessions` it is the session service, with its sessions in Durable Objects: the
 * same app that `sojourn serve` runs on Node. Under `/api` it is an application with `storage.kv` on Cloudflare KV.
 */
import { createSessions } from "sojourn/core";
import { cloudflareKv, durableObjectStore, type KvNamespace, type ShardNamespace } from "sojourn/cloudflare";
import { storage } from "sojourn/kv";
import { createApp } from "sojourn-server";
import { backend, sessionRoutes } from "../storage-app.ts";

export { SessionShard } from "sojourn/cloudflare";

/** The bindings of `wrangler.jsonc`. */
interface Env {
  readonly SESSIONS: ShardNamespace;
  readonly STORAGE: KvNamespace;
  readonly SOJOURN_API_KEY?: string;
}

type Answer = (request: Request) => Response | Promise<Response>;

/** What answers the requests of one isolate; nothing in it belongs to a request. */
function service(env: Env): Answer {
  const sessions = createSessions({
    store: durableObjectStore(env.SESSIONS, { shards: 8 }),
    ttl: "30m",
    // Only a login restarts the clock.
    refreshThreshold: 0,
  });
  const app = createApp({ sessions, apiKey: env.SOJOURN_API_KEY, log: consoleLog });

  const api = backend();
  sessionRoutes(
    api,
    storage.kv({ name: "user-sessions", namespace: "auth", ttlSeconds: 86_400, store: cloudflareKv(env.STORAGE) }),
  );
  return (request) => (new URL(request.url).pathname.startsWith("/api/") ? api.fetch(request) : app.fetch(request));
}

/** A line of JSON for each message, as Workers Logs reads them. */
const consoleLog = {
  info: (fields: object, message: string) => console.log({ message, ...fields }),
  warn: (fields: object, message: string) => console.warn({ message, ...fields }),
  error: (fields: object, message: string) => console.error({ message, ...fields }),
};

let answer: Answer | undefined;

// oxlint-disable-next-line import/no-default-export -- where a Worker has its handlers
export default {
  fetch(request: Request, env: Env): Response | Promise<Response> {
    answer ??= service(env);
    return answer(request);
  },
};
