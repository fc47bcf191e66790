/**
 * What the SQLite store costs, against SQLite itself on a file with the same tables and settings:
 *
 *  - `put x 64`: 64 puts in flight through `commit: "grouped"`, against transactions of 64 bare inserts on the main
 *    thread; and how late the event loop was meanwhile, in the 99th percentile
 *  - `get, uncached`: against a bare prepared query for the same columns
 *  - `get, cached` and `authenticate`: against the memory store
 *
 * Rounds alternate between the contestants, and medians are reported. Results are checked first.
 *
 *   npx node bench/store/sqlite-commit.ts [rounds]
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { createSessions } from "../../packages/sojourn/src/sessions/create-sessions.ts";
import { memoryStore } from "../../packages/sojourn/src/store/memory-store.ts";
import { sqliteStore } from "../../packages/sojourn/src/store/sqlite/index.ts";
import type { Entry, Store } from "../../packages/sojourn/src/store/store.ts";

const ROUNDS = Number(process.argv[2] ?? 7);
const IN_FLIGHT = 64;
const ENTRIES = 20_000;
const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
const now = Date.now();

let made = 0;
function entry(): Entry {
  const key = `sess_${crypto.randomUUID().replaceAll("-", "").slice(0, 22)}`;
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 1_800_000 + made };
  const value = JSON.stringify({ role: "admin", theme: "dark", cart: "x".repeat(120) });
  return { key, owner: `user-${made++ % 5_000}`, rev: crypto.randomUUID(), meta: "m".repeat(60), ...instants, value };
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Transactions of bare inserts for some time; puts a second. */
function bareInserts(database: DatabaseSync, milliseconds: number): number {
  const insert = database.prepare(
    `INSERT INTO sojourn_entry (namespace, key, owner, rev, meta, createdAt, touchedAt, expiresAt, value)
     VALUES (9, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const started = performance.now();
  let count = 0;
  while (performance.now() - started < milliseconds) {
    database.exec("BEGIN IMMEDIATE");
    for (let index = 0; index < IN_FLIGHT; index++, count++) {
      const { key, owner, rev, meta, createdAt, touchedAt, expiresAt, value } = entry();
      insert.run(key, owner, rev, meta, createdAt, touchedAt, expiresAt, value);
    }
    database.exec("COMMIT");
  }
  return (count / (performance.now() - started)) * 1_000;
}

/** Puts in flight for some time; puts a second, and the event loop's delay. */
async function puts(store: Store, milliseconds: number): Promise<{ rate: number; p99: number }> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const started = performance.now();
  let count = 0;
  delay.enable();
  const client = async (): Promise<void> => {
    while (performance.now() - started < milliseconds) {
      const put = await store.put(entry(), null, now);
      assert.equal(put.outcome, "stored");
      count++;
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, client));
  delay.disable();
  const rate = (count / (performance.now() - started)) * 1_000;
  return { rate, p99: delay.percentile(99) / 1e6 };
}

/** Nanoseconds of one call. */
function timed(call: (index: number) => unknown, calls = 100_000): number {
  for (let index = 0; index < calls / 10; index++) call(index);
  const started = performance.now();
  for (let index = 0; index < calls; index++) call(index);
  return ((performance.now() - started) / calls) * 1e6;
}

/** The event loop's delay when nothing happens, which on a busy machine is not nothing. */
async function idleDelay(milliseconds: number): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  delay.disable();
  return delay.percentile(99) / 1e6;
}

async function benchmarkPuts() {
  const paths = { bare: join(folder, "bare.db"), grouped: join(folder, "grouped.db") };
  sqliteStore({ path: paths.bare }).close();
  const bare = new DatabaseSync(paths.bare);
  bare.exec("PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000");
  const grouped = sqliteStore({ path: paths.grouped, commit: "grouped" });
  await puts(grouped, 200);
  bareInserts(bare, 200);
  const rounds = {
    bare: [] as number[],
    grouped: [] as number[],
    ratio: [] as number[],
    p99: [] as number[],
    idle: [] as number[],
  };
  for (let round = 0; round < ROUNDS; round++) {
    const plain = bareInserts(bare, 700);
    const { rate, p99 } = await puts(grouped, 700);
    rounds.bare.push(plain);
    rounds.grouped.push(rate);
    rounds.ratio.push(rate / plain);
    rounds.p99.push(p99);
    rounds.idle.push(await idleDelay(300));
  }
  const stored = await grouped.count(now);
  await grouped.close();
  const check = new DatabaseSync(paths.grouped);
  const there = check.prepare("SELECT count(*) AS rows FROM sojourn_entry").get() as { rows: number };
  assert.equal(there.rows, stored);
  check.close();
  bare.close();
  return {
    "put x 64, bare (puts/s)": median(rounds.bare),
    "put x 64, grouped (puts/s)": median(rounds.grouped),
    "put x 64, grouped / bare": median(rounds.ratio),
    "put x 64, event loop p99 (ms)": median(rounds.p99),
    "idle, event loop p99 (ms)": median(rounds.idle),
  };
}

function benchmarkReads() {
  const path = join(folder, "reads.db");
  const cached = sqliteStore({ path, cache: 2 * ENTRIES });
  const uncached = sqliteStore({ path, cache: 0 });
  const memory = memoryStore();
  const database = new DatabaseSync(path);
  const insert = database.prepare(
    `INSERT INTO sojourn_entry (namespace, key, owner, rev, meta, createdAt, touchedAt, expiresAt, value)
     VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const keys: string[] = [];
  database.exec("BEGIN");
  for (let index = 0; index < ENTRIES; index++) {
    const each = entry();
    const { key, owner, rev, meta, createdAt, touchedAt, expiresAt, value } = each;
    insert.run(key, owner, rev, meta, createdAt, touchedAt, expiresAt, value);
    memory.put(each, null, now);
    keys.push(key);
  }
  database.exec("COMMIT");
  const select = database.prepare(
    `SELECT key, owner, rev, meta, createdAt, touchedAt, expiresAt, value
     FROM sojourn_entry WHERE namespace = ? AND key = ?`,
  );
  const version = database.prepare("PRAGMA data_version");
  const keyOf = (index: number): string => keys[(index * 7_919) % ENTRIES]!;
  for (const store of [cached, uncached, memory]) {
    assert.equal(store.get(keyOf(1), now)?.value, (select.get(1, keyOf(1)) as { value: string }).value);
  }
  for (const key of keys) assert.equal(cached.get(key, now), cached.get(key, now));

  const managers = [memory, cached].map((store) => createSessions({ store, ttl: "30m" }));
  const tokens = managers.map((sessions) =>
    Array.from({ length: 256 }, (_, index) => sessions.create(`user-${index}`, { role: "admin" }).token),
  );
  const authenticate = (which: number) => (index: number) => {
    const session = managers[which]!.authenticate(tokens[which]![index % 256]);
    if (session === undefined) throw new Error("not authenticated");
  };
  const contestants: Record<string, (index: number) => unknown> = {
    "get, bare query (ns)": (index) => select.get(1, keyOf(index)),
    "get, uncached (ns)": (index) => uncached.get(keyOf(index), now),
    "get, cached (ns)": (index) => cached.get(keyOf(index), now),
    "get, memory (ns)": (index) => memory.get(keyOf(index), now),
    "PRAGMA data_version (ns)": () => version.get(),
    "authenticate, memory (ns)": authenticate(0),
    "authenticate, cached (ns)": authenticate(1),
  };
  const times = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, call] of Object.entries(contestants)) times.get(name)!.push(timed(call));
  }
  for (const store of [cached, uncached]) store.close();
  database.close();
  const figures = Object.fromEntries([...times].map(([name, values]) => [name, median(values)]));
  const over = (above: string, below: string): number => (figures[above] ?? 0) / (figures[below] ?? 1);
  return {
    ...figures,
    "get, uncached / bare query": over("get, uncached (ns)", "get, bare query (ns)"),
    "authenticate, cached / memory": over("authenticate, cached (ns)", "authenticate, memory (ns)"),
  };
}

try {
  const figures = { ...(await benchmarkPuts()), ...benchmarkReads() };
  const rounded = Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [name, value < 100 ? Number(value.toFixed(2)) : Math.round(value)]),
  );
  console.log(JSON.stringify({ node: process.version, rounds: ROUNDS, figures: rounded }));
  console.table(rounded);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
