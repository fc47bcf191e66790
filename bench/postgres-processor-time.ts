/**
 * What a call costs the processors: `node bench/postgres-processor-time.ts [pg] [prepared] [postgres.js]`, after `npm run build`.
 *
 * One at a time and with 64 in flight: the bare statement, our store, and the manager over it, in turns. Counted is the
 * time of this thread, and of all processes of the server, so what else the machine does is not in it. Linux only.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import postgres from "postgres";
import { createSessions } from "sojourn";
import { postgresStore } from "sojourn/postgres";
import { startPostgres } from "../packages/sojourn/test/store/support/postgres-server.ts";
import { ensure, inFlight, median } from "./measure.ts";

const ROUNDS = 5;
const SESSIONS = 1_000;
/** Of what reads, and of what waits for a disk. */
const CALLS = { read: { 1: 400, 64: 2_000 }, write: { 1: 80, 64: 1_000 } } as const;
const READS = new Set(["bare SELECT", "get of the store", "authenticate"]);
const CONNECTIONS = 24;
const DATA = { role: "admin", theme: "dark", cart: ["sku-1", "sku-2"] };

const server = await startPostgres({ settings: { shared_buffers: "512MB", max_wal_size: "4GB" } });
const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
const sql = postgres(server.url, { max: CONNECTIONS, onnotice: () => {} });
await postgresStore.migrate(pool);
await pool.query('CREATE TABLE bare (key text COLLATE "C" PRIMARY KEY, expires bigint, value text NOT NULL)');
const postmaster = readFileSync(join(server.data, "postmaster.pid"), "utf8").split("\n")[0]!;

/** What the processes of the server have used, in microseconds. */
function ofServer(): number {
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, "utf8").split(" ").filter(Boolean);
  const nanoseconds = children.map((pid) => {
    // One process has one thread.
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[0]);
  });
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1_000;
}

type Query = (text: string, values: string[]) => Promise<unknown>;
const queries: Readonly<Record<string, Query>> = {
  pg: async (text, values) => pool.query({ text, values }),
  prepared: async (text, values) => pool.query({ name: text.slice(0, 40), text, values }),
  "postgres.js": async (text, values) => sql.unsafe(text, values, { prepare: true }),
};
const key = (): string => `sess_${randomBytes(16).toString("base64url")}`;

async function loadsOf(name: string) {
  const query = queries[name]!;
  const options = name === "postgres.js" ? { client: sql } : { client: pool, prepare: name === "prepared" };
  const store = await postgresStore({ ...options, namespace: name, deadline: "30s" });
  const sessions = createSessions({ store });
  const made: { readonly id: string; readonly token: string }[] = [];
  await inFlight(64, SESSIONS, async (n) => made.push(await sessions.create(`user-${n}`, DATA)));
  const [{ size }] = (await server.ask(
    "SELECT octet_length(owner || rev || meta || value_text) AS size FROM sojourn.entry LIMIT 1",
  )) as [{ readonly size: number }];
  const value = "x".repeat(size);
  const expires = `${Date.now() + 1_800_000}`;
  const insert = async (each: string): Promise<unknown> =>
    query("INSERT INTO bare (key, expires, value) VALUES ($1, $2, $3)", [each, expires, value]);
  const bareKeys = made.map(key);
  await inFlight(64, SESSIONS, async (n) => insert(bareKeys[n]!));
  await pool.query("VACUUM ANALYZE");
  const ids: string[] = [];
  const bareIds: string[] = [];
  const loads: Readonly<Record<string, (n: number) => Promise<unknown>>> = {
    "bare SELECT": async (n) => query("SELECT expires, value FROM bare WHERE key = $1", [bareKeys[n % SESSIONS]!]),
    "get of the store": async (n) => store.get(made[n % SESSIONS]!.id, Date.now()),
    authenticate: async (n) => ensure((await sessions.authenticate(made[n % SESSIONS]!.token)) !== undefined, "live"),
    "bare INSERT": async () => insert(bareIds[bareIds.push(key()) - 1]!),
    create: async (n) => ids.push((await sessions.create(`u-${n}`, DATA)).id),
    "bare DELETE": async () => query("DELETE FROM bare WHERE key = $1", [bareIds.pop()!]),
    destroy: async () => ensure(await sessions.destroy(ids.pop()!), "it was there"),
  };
  return loads;
}

interface Spent {
  readonly took: number;
  readonly here: number;
  readonly there: number;
}

async function spent(flight: 1 | 64, call: string, load: (n: number) => Promise<unknown>): Promise<Spent> {
  const calls = CALLS[READS.has(call) ? "read" : "write"][flight];
  const [server, thread, start] = [ofServer(), process.threadCpuUsage(), performance.now()];
  await inFlight(flight, calls, load);
  const took = 1_000 * (performance.now() - start);
  const { user, system } = process.threadCpuUsage(thread);
  return { took: took / calls, here: (user + system) / calls, there: (ofServer() - server) / calls };
}

const named = process.argv.filter((argument) => argument in queries);
console.log("| client | in flight | call | took | this thread | the server |\n| --- | --- | --- | --- | --- | --- |");
for (const name of named.length > 0 ? named : Object.keys(queries)) {
  const loads = await loadsOf(name);
  for (const flight of [1, 64] as const) {
    const rounds = new Map<string, Spent[]>(Object.keys(loads).map((call) => [call, []]));
    for (let round = 0; round < ROUNDS + 1; round++) {
      for (const [call, load] of Object.entries(loads)) {
        const figures = await spent(flight, call, load);
        // The first round is for the compiler.
        if (round > 0) rounds.get(call)!.push(figures);
      }
    }
    for (const [call, all] of rounds) {
      const of = (part: keyof Spent): string => `${median(all.map((each) => each[part])).toFixed(0)} µs`;
      console.log(`| ${name} | ${flight} | ${call} | ${of("took")} | ${of("here")} | ${of("there")} |`);
    }
  }
}
await sql.end();
await pool.end();
await server.stop();
process.exit();
