/**
 * What a read costs the client's own processor: `node bench/redis-client-time.ts [--against DIR]`, after `npm run build`.
 *
 * With 64 reads in flight, over node-redis without timeouts: the bare `GET` of a record as long as a session's, `get` of our
 * store, and `authenticate` over it, in short turns. Only the time of this thread counts, so what else the machine does
 * is not in it. With `--against`, so do those of another checkout of this repository.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "redis";
import type { Sessions, Store } from "sojourn";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";
import { ensure, median } from "./measure.ts";

const ROUNDS = 40;
const PER_ROUND = 4_000;
const IN_FLIGHT = 64;
const SESSIONS = 1_000;
const { values } = parseArgs({ options: { against: { type: "string" } } });

const server = await startRedis();
const client = createClient({ url: server.url, commandOptions: { timeout: 0 } });
await client.connect();

type Read = (index: number) => Promise<unknown>;

async function reads(folder: string, prefix: string): Promise<{ get: Read; authenticate: Read; record: string }> {
  const at = (file: string): string => resolve(folder, "packages/sojourn/dist", file);
  const { redisStore } = (await import(at("store/redis/index.js"))) as {
    redisStore(options: object): Promise<Store<"async">>;
  };
  const { createSessions } = (await import(at("index.js"))) as {
    createSessions(options: object): Sessions<object, "async">;
  };
  const store = await redisStore({ client, prefix });
  const sessions = createSessions({ store });
  const made = [];
  for (let n = 0; n < SESSIONS; n++) made.push(await sessions.create(`user-${n}`, { role: "admin" }));
  const ids = made.map(({ id }) => id);
  // As they come from requests: strings of their own.
  const tokens = made.map(({ token }) => Buffer.from(token, "latin1"));
  ensure((await sessions.authenticate(made[0]!.token))?.id === ids[0], "it is logged in");
  return {
    get: async (n) => store.get(ids[n % SESSIONS]!, Date.now()),
    authenticate: async (n) => sessions.authenticate(tokens[n % SESSIONS]!.toString("latin1")),
    record: String(await client.get(`${prefix}{0}:e:${ids[0]}`)),
  };
}

const ours = await reads(".", "ours");
const against = values.against === undefined ? undefined : await reads(values.against, "against");
for (let n = 0; n < SESSIONS; n++) await client.set(`bare:${n}`, ours.record);
const loads: Readonly<Record<string, Read>> = {
  "bare GET": async (n) => client.get(`bare:${n % SESSIONS}`),
  get: ours.get,
  authenticate: ours.authenticate,
  ...(against && { "get, against": against.get, "authenticate, against": against.authenticate }),
};

const figures = new Map<string, number[]>();
for (let round = 0; round < ROUNDS + 2; round++) {
  for (const [name, read] of Object.entries(loads)) {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < PER_ROUND) await read(next++);
    };
    const start = process.threadCpuUsage();
    await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
    const { user, system } = process.threadCpuUsage(start);
    // The first rounds are for the compiler.
    if (round >= 2) figures.set(name, [...(figures.get(name) ?? []), (user + system) / PER_ROUND]);
  }
}

const bare = median(figures.get("bare GET") ?? []);
console.log(`\nThis thread's time for a read, 64 in flight: the median of ${ROUNDS} rounds, and the least\n`);
console.log("| read | time | of a bare GET |\n| --- | --- | --- |");
for (const [name, rounds] of figures) {
  const middle = median(rounds);
  console.log(
    `| ${name} | ${middle.toFixed(2)} µs (${Math.min(...rounds).toFixed(2)}) | ${(bare / middle).toFixed(2)} |`,
  );
}
client.destroy();
await server.stop();
process.exit();
