/**
 * What a session in Postgres costs: `npm run bench:postgres [-- calls] [peer] [watched] [footprint] [sweep] [--bloat]`.
 *
 * Each of our calls against the bare statement by the same client on the same server: a `SELECT`, `INSERT` or `DELETE` of a
 * row of the same size by its primary key, one at a time and with 64 in flight; and the store of express-session for
 * Postgres. All take turns in one run. `footprint --bloat` makes a million touches; `sweep`, which is not made unasked,
 * removes a million expired rows beside live traffic.
 */
import { randomBytes } from "node:crypto";
import connectPgSimple from "connect-pg-simple";
import session from "express-session";
import pg from "pg";
import postgres from "postgres";
import { createSessions, type Sessions, type Store } from "sojourn";
import { postgresStore } from "sojourn/postgres";
import { startPostgres } from "../packages/sojourn/test/store/support/postgres-server.ts";
import { ensure, inFlight, median, mediansAsync, ns, perSecond, report, times, type Row } from "./measure.ts";

const ROUNDS = 5;
const SESSIONS = 1_000;
const OPERATIONS = { 1: 100, 64: 1_000 } as const;
const CONNECTIONS = 24;
const DATA = { role: "admin", theme: "dark", cart: ["sku-1", "sku-2"] };

/** A client library: bare statements, and our store over it. */
interface Library {
  readonly name: string;
  query(text: string, values: string[]): Promise<unknown>;
  readonly store: Store<"async">;
  close(): Promise<unknown>;
}

const server = await startPostgres({ settings: { shared_buffers: "512MB", max_wal_size: "4GB" } });
const admin = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
await postgresStore.migrate(admin);
await admin.query('CREATE TABLE bare (key text COLLATE "C" PRIMARY KEY, expires bigint, value text NOT NULL)');

async function overPg(name: string, prepare: boolean): Promise<Library> {
  const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
  return {
    name,
    query: async (text, values) => pool.query({ text, values, ...(prepare && { name: text.slice(0, 40) }) }),
    store: await postgresStore({ client: pool, namespace: name, prepare, deadline: "30s" }),
    close: async () => pool.end(),
  };
}

async function overPostgresJs(): Promise<Library> {
  const sql = postgres(server.url, { max: CONNECTIONS, onnotice: () => {} });
  return {
    name: "postgres.js",
    query: async (text, values) => sql.unsafe(text, values, { prepare: true }),
    store: await postgresStore({ client: sql, namespace: "postgres.js", deadline: "30s" }),
    close: async () => sql.end(),
  };
}

/** As many characters as the row of a session has beside its key. */
async function rowSize(sessions: Sessions<object, "async">): Promise<number> {
  const { id } = await sessions.create("sized", DATA);
  const { rows } = await admin.query<{ size: number }>(
    "SELECT octet_length(owner || rev || meta || value_text) AS size FROM sojourn.entry WHERE key = $1",
    [id],
  );
  ensure(rows.length === 1, "a session is one row");
  await sessions.destroy(id);
  return rows[0]!.size;
}

const SELECT = "SELECT expires, value FROM bare WHERE key = $1";
const INSERT = "INSERT INTO bare (key, expires, value) VALUES ($1, $2, $3)";
const DELETE = "DELETE FROM bare WHERE key = $1";

const key = (): string => `sess_${randomBytes(16).toString("base64url")}`;

async function measure(library: Library, flight: 1 | 64): Promise<Row[]> {
  const total = OPERATIONS[flight];
  const sessions = createSessions({ store: library.store });
  const tokens: string[] = [];
  await inFlight(64, SESSIONS, async (n) => tokens.push((await sessions.create(`user-${n}`, DATA)).token));
  const value = "x".repeat(await rowSize(sessions));
  const bareKeys = tokens.map(key);
  const expires = `${Date.now() + 1_800_000}`;
  await inFlight(64, SESSIONS, async (n) => library.query(INSERT, [bareKeys[n]!, expires, value]));
  await inFlight(64, SESSIONS, async (n) => {
    ensure((await sessions.authenticate(tokens[n]))?.data !== undefined, "it is logged in");
  });

  const made: string[] = [];
  const bareMade: string[] = [];
  const figures = await mediansAsync(
    {
      bareSelect: () => inFlight(flight, total, async (n) => library.query(SELECT, [bareKeys[n % SESSIONS]!])),
      authenticate: () => inFlight(flight, total, async (n) => sessions.authenticate(tokens[n % SESSIONS])),
      bareInsert: () => {
        for (let n = 0; n < total; n++) bareMade.push(key());
        return inFlight(flight, total, async (n) => library.query(INSERT, [bareMade[n]!, expires, value]));
      },
      create: () =>
        inFlight(flight, total, async (n) => {
          made.push((await sessions.create(`u-${n}`, DATA)).id);
        }),
      bareDelete: () => {
        const keys = bareMade.splice(0);
        return inFlight(flight, keys.length, async (n) => library.query(DELETE, [keys[n]!]));
      },
      destroy: () => {
        const ids = made.splice(0);
        return inFlight(flight, ids.length, async (n) => {
          ensure(await sessions.destroy(ids[n]!), "it was there");
        });
      },
    },
    ROUNDS,
  );
  const row = (call: keyof typeof figures, bare: keyof typeof figures, aim: string): Row => ({
    what: `${call}, ${library.name}, ${flight} in flight`,
    ours: ns(figures[call]),
    against: `bare ${bare.slice(4).toUpperCase()}: ${ns(figures[bare])}`,
    ratio: times(figures[bare] / figures[call]),
    aim,
  });
  return [
    row("authenticate", "bareSelect", "at least 0.85"),
    row("create", "bareInsert", "at least 0.7"),
    row("destroy", "bareDelete", "at least 0.7"),
  ];
}

const call = async (run: (done: (error?: unknown, value?: unknown) => void) => void): Promise<unknown> =>
  new Promise((resolve, reject) => run((error, value) => (error ? reject(error) : resolve(value))));

/** A request with a session, as each store makes it: connect-pg-simple reads and touches, ours only reads. */
async function besideConnectPgSimple(library: Library): Promise<Row[]> {
  const Theirs = connectPgSimple(session);
  const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
  const theirs = new Theirs({ pool, createTableIfMissing: true, pruneSessionInterval: false });
  const cookie = { originalMaxAge: 1_800_000, expires: new Date(Date.now() + 1_800_000) };
  const data = { cookie, ...DATA, user: "user-1" } as unknown as session.SessionData;
  const ids = Array.from({ length: SESSIONS }, () => randomBytes(24).toString("base64url"));
  for (const id of ids) await call((done) => theirs.set(id, data, done));
  ensure((await call((done) => theirs.get(ids[0]!, done))) !== null, "connect-pg-simple finds its session");
  const sessions = createSessions({ store: library.store });
  const tokens: string[] = [];
  for (let n = 0; n < SESSIONS; n++) tokens.push((await sessions.create(`user-${n}`, DATA)).token);
  const rows: Row[] = [];
  for (const flight of [1, 64] as const) {
    const total = OPERATIONS[flight] / 2;
    const figures = await mediansAsync(
      {
        theirs: () =>
          inFlight(flight, total, async (n) => {
            await call((done) => theirs.get(ids[n % SESSIONS]!, done));
            await call((done) => theirs.touch?.(ids[n % SESSIONS]!, data, done));
          }),
        ours: () => inFlight(flight, total, async (n) => sessions.authenticate(tokens[n % SESSIONS])),
        theirLogin: () =>
          inFlight(flight, total, async () =>
            call((done) => theirs.set(randomBytes(24).toString("base64url"), data, done)),
          ),
        ourLogin: () => inFlight(flight, total, async (n) => sessions.create(`u-${n}`, DATA)),
      },
      ROUNDS,
    );
    rows.push(
      {
        what: `a request with a session, ${flight} in flight`,
        ours: ns(figures.ours),
        against: `connect-pg-simple, get and touch: ${ns(figures.theirs)}`,
        ratio: times(figures.theirs / figures.ours),
        aim: "–",
      },
      {
        what: `a login, ${flight} in flight`,
        ours: ns(figures.ourLogin),
        against: `connect-pg-simple, set: ${ns(figures.theirLogin)}`,
        ratio: times(figures.theirLogin / figures.ourLogin),
        aim: "–",
      },
    );
  }
  await pool.end();
  return rows;
}

/** A thousand sessions, as entries. */
const entriesIn = async (store: Store<"async">) => {
  const ids = [];
  for (let n = 0; n < SESSIONS; n++) ids.push(await createSessions({ store }).create(`u-${n}`, DATA));
  const there = await Promise.all(ids.map(async ({ id }) => store.get(id, Date.now())));
  return there.map((each) => each!);
};

const watchedRow = (what: string, ours: number, against: number, aim: string): Row => ({
  what: `${what}, 64 in flight, with watchers`,
  ours: perSecond(ours),
  against: `nobody watches: ${perSecond(against)}`,
  ratio: times(against / ours),
  aim,
});

/** Logins and touches while somebody watches, and while nobody does. */
async function watched(): Promise<Row[]> {
  const pool = new pg.Pool({ connectionString: server.url, max: CONNECTIONS });
  const open = async (namespace: string) => postgresStore({ client: pool, namespace, deadline: "30s" });
  const [alone, told] = [await open("alone"), await open("told")];
  const watches = [told.watch!(() => {}), told.watchRemovals!(() => {})];
  for (const watch of watches) await watch.confirm();
  // Four processes with near caches ask this often.
  const beat = setInterval(() => void watches[0]!.confirm().catch(() => {}), 200 / 3 / 4);
  const total = OPERATIONS[64];
  const [aloneSessions, toldSessions] = [alone, told].map((store) => createSessions({ store }));
  const [some, others] = [await entriesIn(alone), await entriesIn(told)];
  let later = 0;
  const touch = (store: Store<"async">, all: typeof some) => async (n: number) => {
    const { key, rev, expiresAt } = all[n % SESSIONS]!;
    const to = { touchedAt: Date.now(), expiresAt: expiresAt + ++later };
    ensure(await store.touch(key, rev, to, Date.now()), "it is there");
  };
  const figures = await mediansAsync(
    {
      alone: () => inFlight(64, total, async (n) => aloneSessions!.create(`u-${n}`, DATA)),
      told: () => inFlight(64, total, async (n) => toldSessions!.create(`u-${n}`, DATA)),
      touchAlone: () => inFlight(64, total, touch(alone, some)),
      touchTold: () => inFlight(64, total, touch(told, others)),
    },
    ROUNDS,
  );
  clearInterval(beat);
  for (const watch of watches) await watch.close();
  await pool.end();
  return [
    watchedRow("logins", figures.told, figures.alone, "at least 0.8"),
    watchedRow("touches", figures.touchTold, figures.touchAlone, "–"),
  ];
}

const walAt = async (): Promise<string> =>
  (await admin.query<{ at: string }>("SELECT pg_current_wal_insert_lsn()::text AS at")).rows[0]!.at;

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

/** Reads write nothing; what a session takes; how many touches stay on their page. */
async function footprint(): Promise<Row[]> {
  const store = await postgresStore({ client: admin, namespace: "footprint", deadline: "30s" });
  const sessions = createSessions({ store });
  await admin.query("VACUUM FULL sojourn.entry");
  const size = async (): Promise<{ readonly heap: number; readonly indexes: number; readonly rows: number }> => {
    const { rows } = await admin.query<{ heap: string; indexes: string; rows: string }>(
      `SELECT pg_relation_size('sojourn.entry') AS heap, pg_indexes_size('sojourn.entry') AS indexes,
        (SELECT count(*) FROM sojourn.entry) AS rows`,
    );
    const { heap, indexes, rows: there } = rows[0]!;
    return { heap: Number(heap), indexes: Number(indexes), rows: Number(there) };
  };
  const before = await size();
  const made: { readonly id: string; readonly token: string }[] = [];
  await inFlight(64, 10_000, async (n) => made.push(await sessions.create(`user-${n}`, DATA)));
  const after = await size();
  const each = (part: "heap" | "indexes"): number => (after[part] - before[part]) / (after.rows - before.rows);

  await admin.query("CHECKPOINT");
  const isQuiet = async (): Promise<boolean> => {
    const from = await walAt();
    for (const { token } of made.slice(0, 100)) ensure((await sessions.authenticate(token)) !== undefined, "logged in");
    return (await walAt()) === from;
  };
  // A background process of the server's can write at any time.
  let quiet = false;
  for (let attempt = 0; attempt < 5 && !quiet; attempt++) quiet = await isQuiet();

  const stats = async (): Promise<{ readonly all: number; readonly hot: number }> => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const { rows } = await admin.query<{ n_tup_upd: string; n_tup_hot_upd: string }>(
      "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE schemaname = 'sojourn' AND relname = 'entry'",
    );
    return { all: Number(rows[0]!.n_tup_upd), hot: Number(rows[0]!.n_tup_hot_upd) };
  };
  const touches = process.argv.includes("--bloat") ? 1_000_000 : 20_000;
  const entries: Awaited<ReturnType<typeof store.get>>[] = [];
  await inFlight(64, made.length, async (n) => entries.push(await store.get(made[n]!.id, Date.now())));
  const from = await stats();
  const startedAt = performance.now();
  // Not in the order in which they lie there: 64 at once would meet on one page.
  await inFlight(64, touches, async (n) => {
    const { key, rev, expiresAt } = entries[(n * 7_919) % entries.length]!;
    const minutes = 1 + Math.floor(n / entries.length);
    await store.touch(key, rev, { touchedAt: Date.now(), expiresAt: expiresAt + minutes * 60_000 }, Date.now());
  });
  const took = (performance.now() - startedAt) / 1_000;
  const till = await stats();
  const bloated = await size();
  return [
    { what: "100 reads", ours: quiet ? "no WAL" : "WAL", against: "–", ratio: "–", aim: "no write" },
    {
      what: "bytes a session: table, indexes",
      ours: `${Math.round(each("heap"))}, ${Math.round(each("indexes"))}`,
      against: "–",
      ratio: "–",
      aim: "–",
    },
    {
      what: `touches a minute apart that stay on their page (HOT), of ${touches.toLocaleString("en")}`,
      ours: `${((100 * (till.hot - from.hot)) / (till.all - from.all)).toFixed(1)} %`,
      against: "–",
      ratio: "–",
      aim: "–",
    },
    {
      what: "… and the table and its indexes before and after",
      ours: `${mebibytes(after.heap)} and ${mebibytes(after.indexes)} → ${mebibytes(bloated.heap)} and ${mebibytes(bloated.indexes)}`,
      against: `${Math.round(touches / took).toLocaleString("en")} touches/s`,
      ratio: times((bloated.heap + bloated.indexes) / (after.heap + after.indexes)),
      aim: "–",
    },
  ];
}

/** A million expired rows are swept while others authenticate. */
async function sweep(): Promise<Row[]> {
  const store = await postgresStore({ client: admin, namespace: "sweep", deadline: "60s" });
  const live = new pg.Pool({ connectionString: server.url, max: 8 });
  const sessions = createSessions({
    store: await postgresStore({ client: live, namespace: "sweep", deadline: "30s" }),
  });
  const { rows } = await admin.query<{ id: string }>("SELECT id FROM sojourn.namespace WHERE name = 'sweep'");
  const { id } = rows[0]!;
  const tokens: string[] = [];
  for (let n = 0; n < SESSIONS; n++) tokens.push((await sessions.create(`user-${n}`, DATA)).token);
  await admin.query(
    `INSERT INTO sojourn.entry (namespace, key, owner, rev, meta, created_at, touched_at, expires_at, due_at, value_text)
     SELECT $1, 'sess_' || md5(i::text), 'user-' || i, 'rev-' || i, repeat('m', 150), 0, 0,
       $2::bigint - 1800000 + i, $2::bigint - 1800000 + i, repeat('v', 100) FROM generate_series(1, 1000000) i`,
    [id, Date.now() - 60_000],
  );
  await admin.query("UPDATE sojourn.total SET entries = entries + 1000000 WHERE namespace = $1 AND slot = 0", [id]);
  await admin.query("VACUUM ANALYZE sojourn.entry");
  const p99During = async (work: Promise<unknown>): Promise<{ readonly p99: number; readonly p50: number }> => {
    const state = { isOver: false };
    void work.finally(() => (state.isOver = true));
    const took: number[] = [];
    const lane = async (): Promise<void> => {
      while (!state.isOver) {
        const start = performance.now();
        await sessions.authenticate(tokens[took.length % SESSIONS]);
        took.push(performance.now() - start);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    await Promise.all(Array.from({ length: 4 }, lane));
    const sorted = took.toSorted((a, b) => a - b);
    return { p99: sorted[Math.floor(sorted.length * 0.99)]!, p50: median(took) };
  };
  const quiet = await p99During(new Promise((resolve) => setTimeout(resolve, 10_000)));
  const startedAt = performance.now();
  let slices = 0;
  let longest = 0;
  const sweeping = (async () => {
    for (let gone = 0; gone < 1_000_000; slices++) {
      const start = performance.now();
      gone += (await store.sweep(Date.now(), 1_000)).length;
      longest = Math.max(longest, performance.now() - start);
    }
  })();
  const beside = await p99During(sweeping);
  await sweeping;
  const took = (performance.now() - startedAt) / 1_000;
  await live.end();
  return [
    {
      what: "authenticate while a million expired rows are swept, p99",
      ours: `${beside.p99.toFixed(1)} ms`,
      against: `quiet: ${quiet.p99.toFixed(1)} ms`,
      ratio: times(beside.p99 / quiet.p99),
      aim: "at most 2",
    },
    {
      what: "… and the sweep",
      ours: `${took.toFixed(0)} s in ${slices} slices, the longest ${longest.toFixed(0)} ms`,
      against: "–",
      ratio: "–",
      aim: "–",
    },
  ];
}

const parts: Readonly<Record<string, () => Promise<Row[]>>> = {
  async calls() {
    const libraries = [await overPg("pg", false), await overPg("pg, prepared", true), await overPostgresJs()];
    const found: Row[] = [];
    for (const library of libraries) {
      for (const flight of [1, 64] as const) found.push(...(await measure(library, flight)));
    }
    for (const { close } of libraries) await close();
    return found;
  },
  async peer() {
    const library = await overPg("peer", false);
    const found = await besideConnectPgSimple(library);
    await library.close();
    return found;
  },
  watched,
  footprint,
  sweep,
};
const named = process.argv.filter((argument) => argument in parts);
const rows: Row[] = [];
for (const name of named.length > 0 ? named : ["calls", "peer", "watched", "footprint"]) {
  rows.push(...(await parts[name]!()));
}
await admin.end();
await server.stop();
report("Sessions in Postgres", rows);
process.exit();
