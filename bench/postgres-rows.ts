/**
 * What sessions in Postgres cost when there are many: `npm run build; node bench/postgres-rows.ts [1000000 10000000 …]`.
 *
 * For each number of live sessions a table of short rows is loaded, in random order of their keys, with a million expired
 * ones among them, and indexed after that. Then each call is timed with 8 in flight, for sessions all over the table and for
 * a thousand that are asked for again and again; and the million is swept. 100,000,000 rows take about 45 GB below the
 * folder for temporary files, which are removed in the end, and half an hour.
 */
import { createHash } from "node:crypto";
import pg from "pg";
import { createSessions } from "sojourn";
import { postgresStore } from "sojourn/postgres";
import { besidePostgres } from "../packages/sojourn/test/store/support/postgres-binary.ts";
import { startPostgres } from "../packages/sojourn/test/store/support/postgres-server.ts";
import { ensure, inFlight, median, report, type Row } from "./measure.ts";

const EXPIRED = 1_000_000;
const FLIGHT = 8;
const CALLS = 4_000;
/** How long a sweep is watched, in milliseconds. */
const SWEEP_FOR = 60_000;
const SETTINGS = {
  shared_buffers: "2GB",
  max_wal_size: "8GB",
  // What is loaded into a table that was emptied in the same transaction needs no log then.
  wal_level: "minimal",
  max_wal_senders: "0",
  maintenance_work_mem: "1GB",
  // One process at a time fills a core; a second and a third only sort beside it.
  max_parallel_maintenance_workers: "2",
};

const sizes = process.argv.slice(2).map(Number).filter(Number.isSafeInteger);
const server = await startPostgres({ settings: SETTINGS });
const pool = new pg.Pool({ connectionString: server.url, max: FLIGHT });
await postgresStore.migrate(pool);
const store = await postgresStore({ client: pool, prepare: true, deadline: "60s" });
const sessions = createSessions({ store, ttl: "7d" });
const template = await sessions.create("template", {});
const one = async (text: string, values: unknown[] = []): Promise<Record<string, string>> =>
  (await pool.query<Record<string, string>>(text, values)).rows[0]!;
const { namespace, meta: full, value_text: value } = await one("SELECT * FROM sojourn.entry");
// Short, so that a hundred million are on the disk: without the key that only recognises replaced secrets.
const meta = JSON.stringify({ ...(JSON.parse(full!) as object), k: undefined });

/** The key of a row, as the loading makes it. */
const keyOf = (row: number): string => `sess_${createHash("md5").update(`${row}`).digest("hex").slice(0, 22)}`;
/** Which rows have expired. */
const spacing = (live: number): number => Math.max(2, Math.floor(live / EXPIRED) + 1);
const tokenOf = (row: number): string => keyOf(row) + template.token.slice(template.id.length);

/** Loads `live` sessions and the expired ones. Nothing of the disk's is waited for meanwhile. */
async function load(live: number): Promise<number> {
  const startedAt = performance.now();
  await pool.query("ALTER SYSTEM SET fsync = off");
  await pool.query("SELECT pg_reload_conf()");
  const now = Date.now();
  const all = live + Math.floor(live / (spacing(live) - 1));
  const rows = `SELECT ${now}, ${now}, e, e, ${namespace}, 'sess_' || left(md5(i::text), 22), 'u' || i / 2, 'r', '${meta}',
      '${value}', NULL FROM (SELECT i, CASE WHEN i % ${spacing(live)} = 0 THEN ${now} - i % 3600000 - 1
        ELSE ${now} + 86400000 + i % 500000000 END AS e FROM generate_series(1, ${all}) i) rows`;
  const program = `${besidePostgres("psql")} "${server.url}" -qAt -c "COPY (${rows.replaceAll(/\s+/g, " ").replaceAll('"', '\\"')}) TO STDOUT"`;
  await pool.query(`
    BEGIN;
    TRUNCATE sojourn.entry, sojourn.total;
    ALTER TABLE sojourn.entry DROP CONSTRAINT entry_pkey;
    DROP INDEX sojourn.entry_owner, sojourn.entry_due;
    COPY sojourn.entry (created_at, touched_at, expires_at, due_at, namespace, key, owner, rev, meta, value_text, value_bytes)
      FROM PROGRAM '${program.replaceAll("'", "''")}' WITH (FREEZE);
    CREATE INDEX entry_owner ON sojourn.entry (namespace, hashtextextended(owner, 0), key) WHERE owner IS NOT NULL;
    CREATE INDEX entry_due ON sojourn.entry (namespace, due_at);
    ALTER TABLE sojourn.entry ADD PRIMARY KEY (namespace, key);
    INSERT INTO sojourn.total VALUES (${namespace}, 0, ${all});
    COMMIT;`);
  await pool.query("ANALYZE sojourn.entry");
  await pool.query("CHECKPOINT");
  await pool.query("ALTER SYSTEM RESET fsync");
  await pool.query("SELECT pg_reload_conf()");
  const { count } = await one("SELECT sum(entries) AS count FROM sojourn.total");
  ensure(Number(count) === all && live === (await sessions.count()), "what was loaded is what is counted");
  console.error(`${live} loaded in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
  return all;
}

/** What each call took, in milliseconds. */
async function timed(call: (n: number) => Promise<unknown>, calls = CALLS): Promise<string> {
  const took: number[] = [];
  await inFlight(FLIGHT, calls, async (n) => {
    const start = performance.now();
    await call(n);
    took.push(performance.now() - start);
  });
  const sorted = took.toSorted((a, b) => a - b);
  const at = (part: number): string => sorted[Math.floor(sorted.length * part)]!.toFixed(2);
  return `${at(0.5)} / ${at(0.99)} ms`;
}

const authenticate = async (row: number): Promise<void> =>
  ensure((await sessions.authenticate(tokenOf(row))) !== undefined, `row ${row} is logged in`);
const gibibytes = (bytes: string | undefined): string => `${(Number(bytes) / 2 ** 30).toFixed(2)} GiB`;

async function measure(live: number): Promise<readonly string[]> {
  const all = await load(live);
  const liveRow = (): number => {
    for (;;) {
      const row = 1 + Math.floor(Math.random() * all);
      if (row % spacing(live) !== 0) return row;
    }
  };
  const hot = Array.from({ length: 1_000 }, liveRow);
  for (const row of hot) await authenticate(row);
  const anywhere = await timed(async () => authenticate(liveRow()));
  const repeated = await timed(async (n) => authenticate(hot[n % hot.length]!));
  const made: string[] = [];
  const create = await timed(async (n) => made.push((await sessions.create(`new-${n}`, {})).id));
  const destroyNew = await timed(async (n) => ensure(await sessions.destroy(made[n]!), "it was there"));
  const gone = new Set<number>();
  while (gone.size < CALLS) gone.add(liveRow());
  const rows = [...gone];
  const destroyAnywhere = await timed(async (n) => ensure(await sessions.destroy(keyOf(rows[n]!)), "it was there"));
  const counts: number[] = [];
  for (let n = 0; n < 11; n++) {
    const start = performance.now();
    ensure((await sessions.count()) === live - gone.size, "the count is exact");
    counts.push(performance.now() - start);
  }
  const size = await one(
    "SELECT pg_relation_size('sojourn.entry') AS heap, pg_indexes_size('sojourn.entry') AS indexes",
  );
  const expired = Number((await one("SELECT sum(entries) AS count FROM sojourn.total"))["count"]) - live + gone.size;
  const startedAt = performance.now();
  let slices = 0;
  let swept = 0;
  let longest = 0;
  const isLate = (): boolean => performance.now() - startedAt > SWEEP_FOR;
  for (let last = -1; last !== 0 && !isLate(); slices++) {
    const start = performance.now();
    last = (await store.sweep(Date.now(), 1_000)).length;
    swept += last;
    longest = Math.max(longest, performance.now() - start);
  }
  const took = (performance.now() - startedAt) / 1_000;
  ensure(isLate() || swept === expired, `all that had expired is gone, got ${swept} of ${expired}`);
  return [
    anywhere,
    repeated,
    create,
    destroyNew,
    destroyAnywhere,
    `${median(counts).toFixed(1)} ms`,
    `${swept.toLocaleString("en")} in ${took.toFixed(0)} s, the longest of ${slices} slices ${longest.toFixed(0)} ms`,
    `${gibibytes(size["heap"])} and ${gibibytes(size["indexes"])}`,
  ];
}

const WHAT = [
  "authenticate, anywhere, p50 / p99",
  "authenticate, a thousand again and again, p50 / p99",
  "create, p50 / p99",
  "destroy what is new, p50 / p99",
  "destroy, anywhere, p50 / p99",
  "count(), with a million expired rows there",
  "sweep of what has expired",
  "table and indexes",
];
const found: Row[] = [];
for (const live of sizes.length > 0 ? sizes : [1_000_000]) {
  const figures = await measure(live);
  const name = `${live.toLocaleString("en")} sessions`;
  WHAT.forEach((what, n) =>
    found.push({ what: `${name}: ${what}`, ours: figures[n]!, against: "–", ratio: "–", aim: "–" }),
  );
  report("Many sessions in Postgres", found);
}
await pool.end();
await server.stop();
process.exit();
