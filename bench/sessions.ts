/**
 * What a session costs: `npm run bench:sessions [-- --json]`.
 *
 * Each figure is a ratio to the bare thing that it cannot do without, measured in the same run.
 */
import { hash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { createSessions, memoryStore, type Store } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";
import { manualClock } from "sojourn/testing";
import { ensure, fresh, median, medians, mediansAsync, ns, perSecond, report, times, type Row } from "./measure.ts";

const DATA = { role: "admin", theme: "dark" };
const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
const rows: Row[] = [];

function tokensOf(store: Store<"sync">, count: number): string[] {
  const sessions = createSessions<typeof DATA>({ store });
  return Array.from({ length: count }, (_, n) => sessions.create(`user-${n}`, DATA).token);
}

/** A thousand at a time: so short that the machine's other work seldom falls into it. */
function someOf(tokens: readonly string[], round: number): string[] {
  const start = (round * 1_000) % tokens.length;
  return fresh(tokens.slice(start, start + 1_000));
}

/** Tokens as a server has them, in fresh strings, that the process has seen before and remembers; and new ones. */
function authenticateInMemory(count: number): void {
  const store = memoryStore({ maxEntries: 2_000_000 });
  const sessions = createSessions({ store });
  // It has forgotten every token by the time that the token comes again.
  const forgetful = createSessions({ store, tokenCache: 1_000 });
  const tokens = tokensOf(store, count);
  const map = new Map(
    tokens.map((token) => [token.slice(0, 27), { hash: hash("sha256", token.slice(27), "base64url") }]),
  );
  const sample = tokens.slice(0, 5_000);
  // Whose sessions were decoded before.
  const many = tokens.slice(0, 50_000);
  ensure(
    many.every((token) => forgetful.authenticate(token) !== undefined) &&
      [...sample, ...sample].every((token) => sessions.authenticate(token)?.data["role"] === "admin"),
    "memory authenticates",
  );
  const asked = (manager: typeof sessions, texts: readonly string[]): number =>
    texts.filter((token) => manager.authenticate(token) !== undefined).length;
  const looked = (texts: readonly string[]): number =>
    texts.filter((token) => {
      const entry = map.get(token.slice(0, 27));
      return entry !== undefined && hash("sha256", token.slice(27), "base64url") !== "";
    }).length;
  let round = 0;
  let texts = someOf(sample, round);
  let others = someOf(many, round);
  const result = medians(
    {
      seen: () => asked(sessions, texts),
      bareSeen() {
        const found = looked(texts);
        texts = someOf(sample, ++round);
        return found;
      },
      new: () => asked(forgetful, others),
      bareNew() {
        const found = looked(others);
        others = someOf(many, round);
        return found;
      },
    },
    601,
  );
  const row = (which: string, ours: number, bare: number, aim: string): Row => ({
    what: `authenticate, memory store, ${count.toLocaleString("en")} sessions, ${which}`,
    ours: ns(ours),
    against: `SHA-256 + Map.get: ${ns(bare)}`,
    ratio: times(ours / bare),
    aim,
  });
  rows.push(
    row("a token seen before", result.seen, result.bareSeen, "at most 1.0"),
    row("a new one", result.new, result.bareNew, "at most 1.45"),
  );
}

function authenticateInSqlite(): void {
  const path = join(folder, "read.db");
  const bare = new DatabaseSync(path);
  const cached = createSessions({ store: sqliteStore({ path }) });
  // Two that ask for the row each time: one knows what it has decoded, the other keeps nothing.
  const asking = createSessions({ store: sqliteStore({ database: new DatabaseSync(path) }) });
  const keepingNothing = createSessions({ store: sqliteStore({ path, cache: 0 }) });
  const memory = createSessions({ store: memoryStore() });
  const tokens = Array.from({ length: 5_000 }, (_, n) => cached.create(`user-${n}`, DATA).token);
  const inMemory = Array.from({ length: 5_000 }, (_, n) => memory.create(`user-${n}`, DATA).token);
  const query = bare.prepare(
    "SELECT key, owner, rev, meta, createdAt, touchedAt, expiresAt, value FROM sojourn_entry WHERE namespace = ? AND key = ?",
  );
  const namespace = bare.prepare("SELECT namespace FROM sojourn_entry LIMIT 1").get()?.["namespace"] as string | number;
  const commit = bare.prepare("UPDATE sojourn_namespace SET changes = changes + 1");
  for (const sessions of [cached, asking, keepingNothing]) {
    ensure(
      tokens.every((token) => sessions.authenticate(token)?.data["role"] === "admin"),
      "SQLite authenticates",
    );
  }
  const all = (sessions: typeof cached, texts: readonly string[]) => (): number => {
    let found = 0;
    for (const token of texts) if (sessions.authenticate(token) !== undefined) found++;
    return found;
  };
  const result = medians(
    {
      asking: all(asking, tokens),
      keepingNothing: all(keepingNothing, tokens),
      bare() {
        let found = 0;
        for (const token of tokens) if (query.get(namespace, token.slice(0, 27)) !== undefined) found++;
        return found;
      },
      cached: all(cached, tokens),
      memory: all(memory, inMemory),
      afterCommit() {
        commit.run();
        return all(cached, tokens)();
      },
    },
    31,
  );
  rows.push(
    ...(
      [
        ["the row asked each time", result.asking, "at most 1.4"],
        ["cached, another process has committed", result.afterCommit, "at most 1.4"],
        ["nothing kept (`cache: 0`)", result.keepingNothing, "–"],
      ] as const
    ).map(([what, ours, aim]) => ({
      what: `authenticate, SQLite, ${what}`,
      ours: ns(ours),
      against: `prepared point query: ${ns(result.bare)}`,
      ratio: times(ours / result.bare),
      aim,
    })),
    {
      what: "authenticate, SQLite, cached",
      ours: ns(result.cached),
      against: `memory store: ${ns(result.memory)}`,
      ratio: times(result.cached / result.memory),
      aim: "at most 3",
    },
  );
}

/** The 99th percentile of the event loop's delay during some work, in milliseconds. */
async function delayDuring(work: () => Promise<void>): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await work();
  delay.disable();
  // The histogram's own timer waits a millisecond.
  return delay.percentile(99) / 1e6 - 1;
}

async function createGrouped(): Promise<void> {
  const sessions = createSessions({ store: sqliteStore({ path: join(folder, "grouped.db"), commit: "grouped" }) });
  const bare = new DatabaseSync(join(folder, "bare.db"));
  bare.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  bare.exec(
    "CREATE TABLE entries (id INTEGER PRIMARY KEY, key TEXT UNIQUE, owner TEXT, rev TEXT, meta TEXT, created_at INTEGER, touched_at INTEGER, " +
      "expires_at INTEGER, value TEXT); CREATE INDEX by_owner ON entries (owner); " +
      "CREATE INDEX by_end ON entries (expires_at)",
  );
  const insert = bare.prepare(
    "INSERT INTO entries (key, owner, rev, meta, created_at, touched_at, expires_at, value) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const meta = JSON.stringify({ h: "x".repeat(43), a: Date.now(), t: 1_800_000, v: 1 });
  let made = 0;
  const pauses: number[] = [];
  const idle: number[] = [];
  async function createMany(left: number): Promise<void> {
    const worker = async (): Promise<void> => {
      while (left-- > 0) await sessions.create(`user-${made++}`, DATA);
    };
    await Promise.all(Array.from({ length: 64 }, worker));
  }
  for (let n = 0; n < 11; n++) idle.push(await delayDuring(() => new Promise((resolve) => setTimeout(resolve, 200))));
  const result = await mediansAsync(
    {
      async ours() {
        pauses.push(await delayDuring(() => createMany(6_400)));
        return 6_400;
      },
      async bare() {
        for (let group = 0; group < 100; group++) {
          bare.exec("BEGIN IMMEDIATE");
          for (let n = 0; n < 64; n++) {
            const key = `sess_${randomBytes(16).toString("base64url")}`;
            insert.run(key, `user-${made}`, key, meta, Date.now(), Date.now(), Date.now(), JSON.stringify(DATA));
          }
          bare.exec("COMMIT");
        }
        return 6_400;
      },
    },
    11,
  );
  const count = await sessions.count();
  ensure(count >= 6_400 * 11, `every acknowledged session is counted, got ${count}`);
  rows.push(
    {
      what: "create, SQLite, grouped, 64 in flight",
      ours: perSecond(result.ours),
      against: `transactions of 64 bare inserts: ${perSecond(result.bare)}`,
      ratio: times(result.bare / result.ours),
      aim: "at least 0.7",
    },
    {
      what: "… event-loop delay meanwhile, p99",
      ours: `${median(pauses).toFixed(1)} ms`,
      against: `idle: ${median(idle).toFixed(1)} ms`,
      ratio: "–",
      aim: "under 2 ms",
    },
  );
}

/** Nanoseconds of each call with so many sessions there. */
function costs(count: number): Record<string, number> {
  const clock = manualClock();
  const sessions = createSessions({ store: memoryStore({ maxEntries: 2_000_000 }), clock });
  const created = Array.from({ length: count }, (_, n) => sessions.create(`user-${n}`, DATA));
  const some = Array.from({ length: 5_000 }, (_, n) => created[(n * 7_919) % count] as (typeof created)[number]);
  const each = (use: (session: (typeof created)[number]) => unknown) => (): number => {
    for (const session of some) use(session);
    return some.length;
  };
  return medians(
    {
      authenticate: each(({ token }) => sessions.authenticate(token)),
      "create and destroy": each(() => sessions.destroy(sessions.create("another", DATA).id)),
      refresh: each(({ id }) => {
        clock.advance(1);
        return sessions.refresh(id);
      }),
      listByUser: each(({ userId }) => sessions.listByUser(userId ?? "")),
      count: each(() => sessions.count()),
    },
    9,
  );
}

function atAMillion(): void {
  const few = costs(10_000);
  const many = costs(1_000_000);
  for (const [what, value] of Object.entries(many)) {
    const base = few[what] ?? Number.NaN;
    rows.push({
      what: `${what}, memory, 1,000,000 sessions`,
      ours: ns(value),
      against: `10,000 sessions: ${ns(base)}`,
      ratio: times(value / base),
      aim: "–",
    });
  }
}

/** Cleans up a million expired sessions in slices, and returns the longest slice in milliseconds. */
async function longestPause(what: string, store: Store, count: number): Promise<void> {
  const clock = manualClock();
  const sessions = createSessions({ store, clock });
  const batch = 5_000;
  for (let made = 0; made < count; made += batch) {
    await Promise.all(Array.from({ length: batch }, async (_, n) => sessions.create(`user-${made + n}`, DATA)));
  }
  clock.advance("31m");
  ensure((await sessions.count()) === 0, "none is live");
  let longest = 0;
  let removed = 0;
  for (let slice = -1; slice !== 0; removed += slice) {
    const start = performance.now();
    const reply = sessions.cleanup();
    // On a store with a worker, what blocks the loop is the call and the answer, not the time in between.
    let blocked = performance.now() - start;
    slice = await reply;
    if (store.mode === "sync") blocked = performance.now() - start;
    longest = Math.max(longest, blocked);
    await new Promise((resolve) => setImmediate(resolve));
  }
  ensure(removed === count, `all were removed, got ${removed}`);
  rows.push({
    what: `longest pause, cleaning up ${count.toLocaleString("en")} expired, ${what}`,
    ours: `${longest.toFixed(1)} ms`,
    against: "–",
    ratio: "–",
    aim: "10 ms",
  });
  await store.close();
}

authenticateInMemory(10_000);
authenticateInMemory(1_000_000);
authenticateInSqlite();
await createGrouped();
atAMillion();
await longestPause("memory", memoryStore({ maxEntries: 2_000_000 }), 1_000_000);
await longestPause("SQLite, grouped", sqliteStore({ path: join(folder, "million.db"), commit: "grouped" }), 1_000_000);
report("Sessions", rows);
rmSync(folder, { recursive: true });
