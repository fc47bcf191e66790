/**
 * One of several processes on one Redis: authenticates one session over and over through its near cache, and notes when
 * it was last let in. All processes of a machine share the clock that `process.hrtime` reads.
 */
import { Redis } from "ioredis";
import { createSessions } from "../../../../src/sessions/create-sessions.ts";
import { nearCache } from "../../../../src/store/near-cache/near-cache.ts";
import { fromIoredis, redisStore } from "../../../../src/store/redis/index.ts";

/** What a process is told. */
export type Order =
  | {
      readonly do: "open";
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

async function open({ port, linkPort, maxStale, strict }: Extract<Order, { do: "open" }>) {
  const direct = new Redis({ port, host: "127.0.0.1" });
  const beside = new Redis({ port: linkPort, host: "127.0.0.1" });
  // A link that is cut is not news here.
  for (const client of [direct, beside]) client.on("error", () => {});
  // Commands go to the server; only what it tells goes over the line that is disturbed.
  const client = { ...fromIoredis(direct), listen: fromIoredis(beside).listen };
  const redis = await redisStore({ client });
  let gets = 0;
  const counted = { ...redis, get: async (...given: Parameters<typeof redis.get>) => (gets++, redis.get(...given)) };
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
    for (const client of [direct, beside]) client.disconnect();
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
