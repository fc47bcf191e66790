/**
 * One of several processes on one store: holds signals of sessions, ends some, and notes what it was told and when. All
 * processes of a machine share the clock that `process.hrtime` reads.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { WebSocketServer } from "ws";
import { createSessions } from "../../../../src/sessions/create-sessions.ts";
import type { SessionEndedError } from "../../../../src/sessions/ends/session-end.ts";
import type { EndsOptions } from "../../../../src/sessions/ends/ends-options.ts";
import { fromIoredis, redisStore } from "../../../../src/store/redis/index.ts";
import { sqliteStore } from "../../../../src/store/sqlite/index.ts";
import type { Store } from "../../../../src/store/store.ts";
import { signer } from "../../../../src/web/cookies/signer.ts";
import { socketSessions } from "../../../../src/web/ws.ts";

/** Where the sessions are: a Redis, and the line over which it tells; or a file. */
export type Place = { readonly port: number; readonly linkPort: number } | { readonly path: string };

/** What a signal was aborted with. Instants are nanoseconds of the machine's monotonic clock, and epoch milliseconds. */
export interface Felt {
  readonly id: string;
  readonly reason: string;
  readonly at: bigint;
  readonly date: number;
}

/** A session that was made. */
export interface Made {
  readonly id: string;
  readonly token: string;
  readonly expiresAt: number;
  /** The token, signed, as a header carries it. */
  readonly credential: string;
}

/** A session was ended: when the call had resolved. */
export interface Ended {
  readonly ids: readonly string[];
  readonly resolvedAt: bigint;
}

const now = (): bigint => process.hrtime.bigint();

async function open(place: Place, ends: EndsOptions) {
  const clients: Redis[] = [];
  let store: Store;
  if ("path" in place) store = sqliteStore({ path: place.path, busyTimeout: "20s" });
  else {
    clients.push(new Redis({ port: place.port, host: "127.0.0.1" }));
    clients.push(new Redis({ port: place.linkPort, host: "127.0.0.1" }));
    // A line that is cut is not news here.
    for (const client of clients) client.on("error", () => {});
    const [direct, beside] = clients as [Redis, Redis];
    // Commands go to the server; only what it tells goes over the line that is disturbed.
    store = await redisStore({ client: { ...fromIoredis(direct), listen: fromIoredis(beside).listen } });
  }
  const maxPerUser = { limit: 60, onLimit: "evict-oldest" } as const;
  const sessions = createSessions({ store, ttl: "1h", rotationGrace: "1ms", maxPerUser, ends });
  const felt: Felt[] = [];
  let open = 0;
  const KEY = "a key of the trials, which nobody else knows";
  const signs = signer({ keys: [KEY], allowLocked: false, tokenCache: 0 }, "bearer");

  return {
    async create(userId: string, count: number, expiresIn?: number) {
      const made: Made[] = [];
      for (let index = 0; index < count; index++) {
        const lifetime = expiresIn === undefined ? {} : { ttl: `${expiresIn}ms` as const };
        const { id, token, expiresAt } = await sessions.create(userId, {}, lifetime);
        made.push({ id, token, expiresAt, credential: signs.sign(token) });
      }
      return made;
    },

    /** Serves WebSockets, for those whom a session's token lets in. */
    async serve(): Promise<number> {
      const sockets = socketSessions({ sessions, keys: [KEY], bearer: true });
      const server = createServer();
      server.on("upgrade", sockets.upgrade(new WebSocketServer({ noServer: true })) as never);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return (server.address() as AddressInfo).port;
    },

    /** Holds something of each session that has to end with it. */
    async watch(ids: readonly string[]) {
      for (const id of ids) {
        const signal = sessions.signal(id);
        open++;
        signal.addEventListener("abort", () => {
          const { reason } = signal.reason as SessionEndedError;
          open--;
          felt.push({ id, reason, at: now(), date: Date.now() });
        });
      }
      for (const id of ids) if (!(await sessions.ends.confirm(id))) throw new Error("A session is gone too early");
    },

    /** How many signals were not aborted. */
    open: async () => open,

    async destroy(ids: readonly string[]): Promise<Ended[]> {
      const ended: Ended[] = [];
      for (const id of ids) {
        await sessions.destroy(id);
        ended.push({ ids: [id], resolvedAt: now() });
      }
      return ended;
    },

    async destroyByUser(userId: string, ids: readonly string[]): Promise<Ended[]> {
      await sessions.destroyByUser(userId);
      return [{ ids, resolvedAt: now() }];
    },

    /** Logs a user in who has as many sessions as are allowed. */
    async evict(userId: string, oldest: readonly string[]): Promise<Ended[]> {
      const ended: Ended[] = [];
      for (const id of oldest) {
        await sessions.create(userId);
        ended.push({ ids: [id], resolvedAt: now() });
      }
      return ended;
    },

    async reuse(logins: readonly { readonly id: string; readonly token: string }[]): Promise<Ended[]> {
      for (const { token } of logins) await sessions.rotate(token);
      await new Promise((resolve) => setTimeout(resolve, 20));
      const ended: Ended[] = [];
      for (const { id, token } of logins) {
        await sessions.authenticate(token);
        ended.push({ ids: [id], resolvedAt: now() });
      }
      return ended;
    },

    /** What was told since the last call. */
    felt: async () => felt.splice(0),

    /** Asks about a session before each message that a connection would let through, until it has ended. */
    async letThrough(id: string): Promise<{ readonly lastAt: bigint; readonly asked: number }> {
      let [lastAt, asked] = [0n, 0];
      const signal = sessions.signal(id);
      while (!signal.aborted) {
        asked++;
        // Before the answer: the process may be stopped just after it.
        const askedAt = now();
        if (sessions.ends.isCurrent(id)) lastAt = askedAt;
        await new Promise((resolve) => setImmediate(resolve));
      }
      return { lastAt, asked };
    },

    async stop() {
      sessions.ends.close();
      await store.close();
      for (const client of clients) client.disconnect();
      setImmediate(() => process.disconnect());
    },
  };
}

export type EndsCalls = Awaited<ReturnType<typeof open>>;

let calls: EndsCalls | undefined;

// Nobody is left behind when the test ends.
process.on("disconnect", () => process.exit());
process.on("message", (request: Request) => void answer(request));

interface Request {
  readonly number: number;
  readonly call: string;
  readonly given: readonly unknown[];
}

async function answer({ number, call, given }: Request): Promise<void> {
  try {
    let value: unknown;
    if (call === "start") calls = await open(...(given as Parameters<typeof open>));
    else value = await (calls as unknown as Record<string, (...given: unknown[]) => unknown>)[call]!(...given);
    process.send?.({ number, value });
  } catch (error) {
    process.send?.({ number, error: String((error as Error).stack) });
  }
}
