/**
 * What the Redis server itself spends on a write: `node bench/redis-server-time.ts [--sessions 100000] [--against DIR]`.
 *
 * The server counts the microseconds of each command (`INFO commandstats`), so neither the client nor the network nor what
 * else the machine does between two commands is in it. Puts and deletes of our store, and the bare `SET` and `DEL` of a
 * record as long, take turns in short rounds, beside so many sessions that stay. With `--against`, so do those of another
 * checkout of this repository. The median of the rounds counts.
 */
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { createClient } from "redis";
import type { Store } from "sojourn";
import { startRedis } from "../packages/sojourn/test/store/support/redis-server.ts";
import { ensure, median } from "./measure.ts";

const ROUNDS = 60;
const PER_ROUND = 512;
const IN_FLIGHT = 64;
const { values } = parseArgs({
  options: { sessions: { type: "string", default: "100000" }, against: { type: "string" } },
});
const SESSIONS = Number(values.sessions);

const server = await startRedis();
const client = createClient({ url: server.url, commandOptions: { timeout: 0 } });
await client.connect();
const value = JSON.stringify({ role: "admin" });
const meta = randomBytes(90).toString("base64url");
const record = `t${"0".repeat(51)}${randomBytes(12).toString("base64url")}\0user-12345\0${meta}\0${value}`;

/** Runs something so many times, 64 under way at once. */
async function each(count: number, run: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await run(next++);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
}

/** Microseconds of the server for each command of a name. */
async function serverTime(command: string, work: () => Promise<void>): Promise<number> {
  await client.configResetStat();
  await work();
  const stats = await client.info("commandstats");
  const found = new RegExp(`^cmdstat_${command}:calls=(\\d+),usec=(\\d+)`, "m").exec(stats);
  ensure(Number(found?.[1]) === PER_ROUND, `${PER_ROUND} calls of ${command}`);
  return Number(found?.[2]) / PER_ROUND;
}

const name = (): string => `sess_${randomBytes(16).toString("base64url")}`;

/** A store of a checkout, with its sessions in it. */
async function subject(folder: string, prefix: string) {
  const module = (await import(resolve(folder, "packages/sojourn/src/store/redis/index.ts"))) as {
    redisStore(options: object): Promise<Store<"async">>;
  };
  const store = await module.redisStore({ client, prefix, deadline: 60_000 });
  const put = async (key: string, owner: number): Promise<void> => {
    const now = Date.now();
    const instants = { createdAt: now, touchedAt: now, expiresAt: now + 1_800_000 };
    const rev = randomBytes(12).toString("base64url");
    const answer = await store.put({ key, owner: `user-${owner}`, rev, meta, value, ...instants }, null, now);
    ensure(answer.outcome === "stored", "it is stored");
  };
  await each(SESSIONS, async (n) => put(name(), n));
  return {
    put,
    del: async (key: string) => ensure((await store.delete(key)) !== undefined, "it was there"),
  };
}

const subjects = {
  SET: {
    put: async (key: string) => client.set(key, record, { PXAT: Date.now() + 1_800_000 }),
    del: async (key: string) => client.del(key),
  },
  ours: await subject(".", "ours"),
  ...(values.against && { against: await subject(values.against, "against") }),
};

const figures = new Map<string, { puts: number[]; deletes: number[] }>();
for (let round = 0; round < ROUNDS; round++) {
  for (const [who, { put, del }] of Object.entries(subjects)) {
    const keys = Array.from({ length: PER_ROUND }, name);
    const [puts, deletes] = who === "SET" ? ["set", "del"] : ["evalsha", "evalsha"];
    const spent = {
      put: await serverTime(puts, async () => each(PER_ROUND, async (n) => put(keys[n]!, round * PER_ROUND + n))),
      del: await serverTime(deletes, async () => each(PER_ROUND, async (n) => del(keys[n]!))),
    };
    const all = figures.get(who) ?? { puts: [], deletes: [] };
    all.puts.push(spent.put);
    all.deletes.push(spent.del);
    figures.set(who, all);
  }
}

const us = (rounds: readonly number[]): string => `${median(rounds).toFixed(2)} µs (${Math.min(...rounds).toFixed(2)})`;
console.log(
  `\nServer time beside ${SESSIONS} sessions: the median of ${ROUNDS} rounds of ${PER_ROUND}, and the least\n`,
);
console.log("| who | a put | a delete |\n| --- | --- | --- |");
for (const [who, { puts, deletes }] of figures) console.log(`| ${who} | ${us(puts)} | ${us(deletes)} |`);
client.destroy();
await server.stop();
process.exit();
