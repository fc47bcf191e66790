/**
 * What a change of a session writes: `node bench/postgres-writes.ts`, after `npm run build`.
 *
 * For each kind of change, one after the other over 1,000 sessions: bytes of the log, how many new versions of rows stayed
 * on their page (HOT), and how many entries the indexes got. First after a checkpoint, when the first change of each page
 * has the whole page logged, and then again, as it is between checkpoints. With `--compress`, `wal_compression` is on.
 */
import pg from "pg";
import { createSessions, type Entry, type Store } from "sojourn";
import { postgresStore } from "sojourn/postgres";
import { startPostgres } from "../packages/sojourn/test/store/support/postgres-server.ts";
import { ensure } from "./measure.ts";

const SESSIONS = 1_000;
const settings = {
  shared_buffers: "512MB",
  max_wal_size: "4GB",
  checkpoint_timeout: "1h",
  autovacuum: "off",
  ...(process.argv.includes("--compress") && { wal_compression: "on" }),
};
const server = await startPostgres({ settings });
const pool = new pg.Pool({ connectionString: server.url, max: 1 });
await postgresStore.migrate(pool);
const store: Store<"async"> = await postgresStore({ client: pool, deadline: "30s", prepare: true });
const sessions = createSessions({ store });

interface Counters {
  readonly wal: number;
  readonly updated: number;
  readonly hot: number;
  /** Rows that got a new place, which each index needs an entry for. */
  readonly moved: number;
}

async function counters(): Promise<Counters> {
  // The connection tells of what it did at most once a second, and when it is idle.
  await pool.query("SELECT pg_stat_force_next_flush()").catch(async () => new Promise((r) => setTimeout(r, 1_500)));
  const { rows } = await pool.query<Record<string, string>>(`
    SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS wal, n_tup_upd AS updated, n_tup_hot_upd AS hot,
      n_tup_ins + n_tup_upd - n_tup_hot_upd AS moved
    FROM pg_stat_user_tables WHERE schemaname = 'sojourn' AND relname = 'entry'`);
  return Object.fromEntries(
    Object.entries(rows[0]!).map(([name, value]) => [name, Number(value)]),
  ) as unknown as Counters;
}

const made: { id: string; token: string }[] = [];
for (let n = 0; n < SESSIONS; n++) made.push(await sessions.create(`user-${n}`, { role: "admin", cart: ["sku-1"] }));
const entries: Entry[] = [];
for (const { id } of made) entries.push((await store.get(id, Date.now()))!);
let later = 0;
const CHANGES: Readonly<Record<string, (n: number) => Promise<unknown>>> = {
  "a touch": async (n) => {
    const { key, expiresAt } = entries[n]!;
    const { rev } = (await store.get(key, Date.now()))!;
    const to = { touchedAt: Date.now(), expiresAt: expiresAt + ++later };
    ensure(await store.touch(key, rev, to, Date.now()), "it is there");
  },
  "an update": async (n) => sessions.update(made[n]!.id, { role: "admin", cart: [`sku-${++later}`] }),
  "a rotation": async (n) => {
    const rotated = await sessions.rotate(made[n]!.token);
    ensure(rotated !== undefined, "it is there");
    made[n] = rotated;
  },
  "a login": async (n) => made.push(await sessions.create(`user-${n}`, { role: "admin", cart: ["sku-1"] })),
  "a logout": async () => ensure(await sessions.destroy(made.pop()!.id), "it was there"),
};

console.log("| change | log, first after a checkpoint | log, later | on its page (HOT) | index entries |");
console.log("| --- | --- | --- | --- | --- |");
for (const [name, change] of Object.entries(CHANGES)) {
  await pool.query("CHECKPOINT");
  const rounds: Counters[] = [await counters()];
  for (let round = 0; round < 2; round++) {
    for (let n = 0; n < SESSIONS; n++) await change(n);
    rounds.push(await counters());
  }
  const [before, first, second] = rounds as [Counters, Counters, Counters];
  const each = (from: Counters, to: Counters, part: keyof Counters): number => (to[part] - from[part]) / SESSIONS;
  const updated = second.updated - before.updated;
  const hot = updated === 0 ? "–" : `${((100 * (second.hot - before.hot)) / updated).toFixed(1)} %`;
  const bytes = (from: Counters, to: Counters): string => `${Math.round(each(from, to, "wal"))} B`;
  console.log(
    `| ${name} | ${bytes(before, first)} | ${bytes(first, second)} | ${hot} | ${(3 * (each(before, second, "moved") / 2)).toFixed(2)} |`,
  );
}
await pool.end();
await server.stop();
process.exit();
