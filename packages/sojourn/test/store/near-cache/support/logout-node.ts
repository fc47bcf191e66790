/**
 * One of several processes on one Redis or Postgres: authenticates one session over and over through its near cache, and notes when
 * it was last let in. All processes of a machine share the clock that `process.hrtime` reads.
 */
import { Redis } from "ioredis";
import pg from "pg";
import { createSessions } from "../../../../src/sessions/create-sessions.ts";
import { nearCache } from "../../../../src/store/near-cache/near-cache.ts";
import { portOf } from "../../../../src/store/postgres/clients.ts";
import { postgresStore, type PostgresPort } from "../../../../src/store/postgres/index.ts";
import { fromIoredis, redisStore } from "../../../../src/store/redis/index.ts";
import type { Store } from "../../../../src/store/store.ts";
import { systemTimer } from "../../../../src/time/timer.ts";

/** What a process is told. */
export type Order =
  | {
      readonly do: "open";
      readonly on: "redis" | "postgres";
      readonly port: number;
      readonly linkPort: number;
      readonly maxStale: number;
      readonly strict: boolean;
    }
  | { readonly do: "create" }
  | { readonly do: "authenticate"; readonly token: string }
  | { readonly do: "destroy"; readonly id: string }
  | { readonly do: "stop" };

/** What a process tells. Instants are nanoseconds of the machine's monotonic clock. */
export type Report =
  | { readonly told: "open" }
  | { readonly told: "created"; readonly id: string; readonly token: string }
  /** Its answers come from a copy. */
  | { readonly told: "warm" }
  | { readonly told: "destroyed"; readonly removedAt: bigint; readonly resolvedAt: bigint }
  | {
      readonly told: "out";
      /** When the last call that let the session in began, and when it answered. */
      readonly beganAt: bigint;
      readonly answeredAt: bigint;
      /** How many answers were asked of the store, and how many there were. */
      readonly gets: number;
      readonly answers: number;
    }
  | { readonly told: "stopped" };

const now = (): bigint => process.hrtime.bigint();
const report = (each: Report): void => void process.send?.(each);
/** This many answers in a row from a copy, and the link has been proven. */
const WARM = 20;

type Opened = { readonly store: Store<"async">; disconnect(): void };

// Commands go to the server; only what it tells goes over the line that is disturbed.

async function openRedis(port: number, linkPort: number): Promise<Opened> {
  const direct = new Redis({ port, host: "127.0.0.1" });
  const beside = new Redis({ port: linkPort, host: "127.0.0.1" });
  // A link that is cut is not news here.
  for (const client of [direct, beside]) client.on("error", () => {});
  const store = await redisStore({ client: { ...fromIoredis(direct), listen: fromIoredis(beside).listen } });
  return { store, disconnect: () => [direct, beside].forEach((client) => client.disconnect()) };
}

async function openPostgres(port: number, linkPort: number): Promise<Opened> {
  const [direct, beside] = [port, linkPort].map(
    (each) => new pg.Pool({ host: "127.0.0.1", port: each, user: "postgres" }),
  );
  const [calls, link] = [direct!, beside!].map((pool) => portOf(pool, false, (run) => systemTimer.after(1_000, run)));
  const query: PostgresPort["query"] = async (statement, values, sending) =>
    (/_poll_/.test(statement.name) ? link! : calls!).query(statement, values, sending);
  const store = await postgresStore({ client: { ...calls!, query } });
  // Connections that were cut are nobody's to wait for.
  return { store, disconnect: () => [direct, beside].forEach((pool) => void pool?.end()) };
}

async function open({ on, port, linkPort, maxStale, strict }: Extract<Order, { do: "open" }>) {
  const { store: remote, disconnect } = await (on === "redis" ? openRedis : openPostgres)(port, linkPort);
  let gets = 0;
  const counted = { ...remote, get: async (...given: Parameters<typeof remote.get>) => (gets++, remote.get(...given)) };
  const store = nearCache(counted, { maxStale, strict });
  const sessions = createSessions({ store });
  let removedAt = 0n;
  sessions.on("ended", () => (removedAt = now()));

  async function authenticate(token: string): Promise<void> {
    let [beganAt, answeredAt, answers, inARow] = [0n, 0n, 0, 0];
    const before = gets;
    for (;;) {
      const began = now();
      const getsBefore = gets;
      const session = await sessions.authenticate(token);
      if (session === undefined) break;
      [beganAt, answeredAt] = [began, now()];
      answers++;
      inARow = gets === getsBefore ? inARow + 1 : 0;
      if (inARow === WARM) report({ told: "warm" });
      // So that what has arrived is looked at.
      await new Promise((resolve) => setImmediate(resolve));
    }
    report({ told: "out", beganAt, answeredAt, gets: gets - before, answers });
  }

  async function destroy(id: string): Promise<void> {
    await sessions.destroy(id);
    report({ told: "destroyed", removedAt, resolvedAt: now() });
  }

  async function create(): Promise<void> {
    const { id, token } = await sessions.create("ann", { role: "admin" });
    report({ told: "created", id, token });
  }

  async function stop(): Promise<void> {
    await store.close();
    disconnect();
    report({ told: "stopped" });
    process.disconnect();
  }
  return { authenticate, destroy, create, stop };
}

let opened: Awaited<ReturnType<typeof open>> | undefined;

// Nobody is left behind when the test ends.
process.on("disconnect", () => process.exit());
process.on("message", (order: Order) => {
  if (order.do === "open") void open(order).then((node) => ((opened = node), report({ told: "open" })));
  else if (order.do === "create") void opened?.create();
  else if (order.do === "authenticate") void opened?.authenticate(order.token);
  else if (order.do === "destroy") void opened?.destroy(order.id);
  else void opened?.stop();
});
