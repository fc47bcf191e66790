/**
 * What the four programs beside this file share: the sessions, and how their cookie is signed and named.
 *
 * `REDIS_URL=redis://127.0.0.1:6380 node examples/web/hono.ts` keeps the sessions in Redis, so that any number of
 * processes can serve any request; without it they are in this process. `NEAR_CACHE=1` answers repeated reads from memory.
 */
import { createSessions, memoryStore, nearCache, type Mode, type Sessions, type Store } from "sojourn";
import type { CookieSessionsOptions } from "sojourn/cookies";

/** What a session holds beside its user. */
export interface Data {
  role?: string;
}

async function openStore(): Promise<Store> {
  const url = process.env["REDIS_URL"];
  if (url === undefined) return memoryStore();
  const [{ createClient }, { redisStore }] = await Promise.all([import("redis"), import("sojourn/redis")]);
  const client = createClient({ url });
  client.on("error", (error: Error) => console.error("Redis:", error.message));
  const store = await redisStore({ client: await client.connect() });
  return process.env["NEAR_CACHE"] === undefined ? store : nearCache(store);
}

const sessions: Sessions<Data, Mode> = createSessions<Data>({ store: await openStore(), ttl: "1h" });

export const options: CookieSessionsOptions<Data, Mode> = {
  sessions,
  // In front the key that signs, then older ones that are still accepted.
  keys: [process.env["SESSION_KEY"] ?? "a key that everybody knows, for this example only"],
  cookie: { name: "nyx_session" },
  // For http on this machine. Leave it out where https is, and the cookie is Secure.
  development: true,
};

export const port = Number(process.env["PORT"] ?? 3_000);
