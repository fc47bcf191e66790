/** What is told of changes, read from the outbox: nothing is lost, whatever commits in whatever order. */
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import type { StoreError } from "../../../src/errors.ts";
import { makeCalls } from "../../../src/store/postgres/calls.ts";
import { followChanges } from "../../../src/store/postgres/changes.ts";
import { portOf } from "../../../src/store/postgres/clients.ts";
import { postgresStore, type PostgresOptions, type PostgresPort } from "../../../src/store/postgres/index.ts";
import { statementsFor } from "../../../src/store/postgres/statements.ts";
import type { Begun, Entry, Removed, Store } from "../../../src/store/store.ts";
import { manualTimer } from "../../../src/time/manual-timer.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

/** The machine of the tests may be busy with others. */
const PATIENT = { timeout: 20_000 };

type Manager = Sessions<object, "async">;

let server: PostgresServer;
let pool: pg.Pool;
let spaces = 0;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  if (noPostgres) return;
  server = await startPostgres();
  pool = new pg.Pool({ connectionString: server.url });
  await postgresStore.migrate(pool);
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  await pool?.end();
  await server?.stop();
});

async function open(options: Partial<PostgresOptions> = {}): Promise<Store<"async">> {
  const store = await postgresStore({ client: pool, namespace: `changes ${spaces}`, deadline: "10s", ...options });
  closing.push(async () => store.close());
  return store;
}

let revs = 0;
function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const now = Date.now();
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev-${++revs}`, meta: "", value: "", ...instants, ...parts };
}

/** A store on entries of its own that is watched, and what it was told since the link was first proven. */
async function watched(options: Partial<PostgresOptions> = {}) {
  spaces++;
  const store = await open(options);
  const keys: (string | null)[] = [];
  const removed: (Removed | null)[] = [];
  const watch = store.watch!((key) => keys.push(key));
  const removals = store.watchRemovals!((each) => removed.push(each));
  closing.push(
    async () => watch.close(),
    async () => removals.close(),
  );
  await watch.confirm();
  keys.length = removed.length = 0;
  return { store, watch, removals, keys, removed };
}

/** A connection of its own, in the middle of a transaction. */
async function transaction(statement = "SELECT pg_current_xact_id()"): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(async () => client.end());
  await client.query("BEGIN");
  await client.query(statement);
  return client;
}

const namespaceOf = async (): Promise<number> =>
  Number((await server.ask("SELECT id FROM sojourn.namespace WHERE name = $1", [`changes ${spaces}`]))[0]?.["id"]);

describe.skipIf(noPostgres)("what is told", () => {
  test("is every change of what was there, and no insert", async () => {
    const { watch, keys } = await watched();
    const other = await open();
    const now = Date.now();
    const made = entry("k");
    await other.put(made, null, now);
    await watch.confirm();
    expect(keys).toEqual([]);
    await other.touch("k", made.rev, { touchedAt: now + 1, expiresAt: now + 90_000 }, now);
    await watch.confirm();
    await other.put(entry("k"), made.rev, now);
    await watch.confirm();
    await other.put(entry("k"), "any", now);
    await watch.confirm();
    await other.delete("k");
    await watch.confirm();
    expect(keys).toEqual(["k", "k", "k", "k"]);
    keys.length = 0;
    // What has expired by one clock may live by another.
    await other.put(entry("k", { expiresAt: now + 1 }), null, now);
    await other.put(entry("k"), null, now + 10);
    await other.put(entry("l", { owner: "ann" }), null, now);
    await other.revokeOwner("ann");
    await other.sweep(now + 120_000, 10);
    await watch.confirm();
    expect(new Set(keys)).toEqual(new Set(["k", "l"]));
  });

  test("is not lost where transactions commit in another order than they got their numbers in", async () => {
    const { watch, keys } = await watched();
    const namespace = await namespaceOf();
    const told = async (key: string): Promise<pg.Client> =>
      transaction(`INSERT INTO sojourn.change (namespace, key) VALUES (${namespace}, '${key}')`);
    const [first, second, third] = [await told("first"), await told("second"), await told("third")];
    await third.query("COMMIT");
    await watch.confirm();
    await first.query("COMMIT");
    await watch.confirm();
    await second.query("ROLLBACK");
    await watch.confirm();
    expect(keys).toEqual(["third", "first"]);
  });

  test("comes unasked within maxLag to those who wait for removals", async () => {
    const { removed } = await watched({ maxLag: 20 });
    const other = await open();
    const made = entry("k", { owner: "ann" });
    await other.put(made, null, Date.now());
    await other.delete("k", "logout 5");
    await expect
      .poll(() => removed.map((each) => [each?.head.rev, each?.note]), PATIENT)
      .toEqual([[made.rev, "logout 5"]]);
  });

  test("comes at once from the same store", async () => {
    const { store, removed } = await watched({ maxLag: "1m" });
    await store.put(entry("k", { owner: "ann" }), null, Date.now());
    await store.revokeOwner("ann", undefined, "revoked");
    await expect.poll(() => removed.map((each) => each?.note), PATIENT).toEqual(["revoked"]);
  });

  test("comes in few polls where the store removes one after the other", async () => {
    spaces++;
    let polls = 0;
    const port = portOf(pool, false, () => () => {});
    const counted: PostgresPort = {
      ...port,
      async query(statement, values, sending) {
        if (statement.name.includes("_poll_")) polls++;
        return port.query(statement, values, sending);
      },
    };
    const store = await open({ client: counted, maxLag: "1m" });
    let told = 0;
    const watch = store.watchRemovals!((removed) => (told += removed === null ? 0 : 1));
    await watch.confirm();
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    for (const key of keys) await store.put(entry(key), null, Date.now());
    polls = 0;
    const startedAt = performance.now();
    for (const key of keys) await store.delete(key);
    await expect.poll(() => told, PATIENT).toBe(keys.length);
    expect(polls).toBeLessThan((performance.now() - startedAt) / 10 + 3);
    await watch.close();
  });

  test("is that everything may have changed, if it is more than can be told one by one", async () => {
    const { watch, keys } = await watched();
    const namespace = await namespaceOf();
    const many = "INSERT INTO sojourn.change (namespace, key) SELECT $1, i FROM generate_series(1, $2::int) i";
    await server.ask(many, [namespace, 5_000]);
    await watch.confirm();
    expect(keys.length).toBe(5_000);
    keys.length = 0;
    await server.ask(many, [namespace, 5_001]);
    await watch.confirm();
    expect(keys).toEqual([null]);
  });

  test("is that everything may have changed, after a restart of the server", async () => {
    const { watch, keys, removed } = await watched();
    await server.restart();
    const confirmed = async (): Promise<unknown> => watch.confirm().then(() => keys, String);
    await expect.poll(confirmed, PATIENT).toEqual([null]);
    expect(removed).toEqual([null]);
    keys.length = 0;
    const other = await open();
    const made = entry("k");
    await other.put(made, null, Date.now());
    await other.delete("k");
    await watch.confirm();
    expect(keys).toEqual(["k"]);
  });

  test("is that everything may have changed, after a crash whose transaction numbers were given again", async () => {
    const other = new pg.Pool({ connectionString: server.url });
    closing.push(async () => other.end());
    other.on("error", () => {});
    spaces++;
    const store = await open({ client: other });
    await store.put(entry("k"), null, Date.now());
    // So that the number of the first watch is not on disk when a backend crashes. The server's start stays the same then.
    const settings = ["wal_writer_delay = '10s'", "synchronous_commit = off"];
    onTestFinished(async () => {
      await server.ask("ALTER SYSTEM RESET ALL");
      await server.ask("SELECT pg_reload_conf()");
    });
    for (const setting of settings) await server.ask(`ALTER SYSTEM SET ${setting}`);
    await server.ask("SELECT pg_reload_conf()");
    const commit = async (): Promise<unknown> =>
      (await server.ask("SHOW synchronous_commit"))[0]?.["synchronous_commit"];
    await expect.poll(commit, PATIENT).toBe("off");
    // Transactions that write nothing to the log.
    for (let count = 0; count < 3; count++) await server.ask("SELECT pg_current_xact_id()");
    // Not one that waits for removals: it would ask in the background, while nobody watches.
    const keys: (string | null)[] = [];
    const watch = (await open()).watch!((key) => keys.push(key));
    closing.push(async () => watch.close());
    await watch.confirm();
    keys.length = 0;
    const sinceOf = async (): Promise<unknown> =>
      (await server.ask("SELECT since::text FROM sojourn.watching WHERE namespace = $1", [await namespaceOf()]))[0];
    const since = await sinceOf();
    await server.crash();
    await expect.poll(async () => store.delete("k").catch(() => "away"), PATIENT).toMatchObject({ key: "k" });
    const next = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS since";
    for (let at = 0; at < 50 && JSON.stringify((await server.ask(next))[0]) !== JSON.stringify(since); at++) {
      await server.ask("SELECT pg_current_xact_id()");
    }
    const again = store.watch!(() => {});
    await again.confirm();
    expect(await sinceOf()).toEqual(since);
    await watch.confirm();
    expect(keys).toEqual([null]);
    await again.close();
  });

  test("is that everything may have changed, if what was to be told was trimmed", async () => {
    const { store, watch, removals, keys } = await watched();
    await removals.close();
    const namespace = await namespaceOf();
    const made = entry("k");
    await store.put(made, null, Date.now());
    await store.delete("k");
    // Two minutes go by in which this process stands still.
    for (let minute = 0; minute < 2; minute++) {
      await server.ask("UPDATE sojourn.watching SET taken_at = taken_at - interval '2 minutes'");
      await server.ask("SELECT sojourn.trim_v1($1, true)", [namespace]);
      await server.ask("SELECT pg_current_xact_id()");
    }
    expect(await server.ask("SELECT FROM sojourn.change WHERE namespace = $1", [namespace])).toEqual([]);
    await watch.confirm();
    expect(keys).toEqual([null]);
  });
});

describe.skipIf(noPostgres)("the first watch", () => {
  test("is not proven before those are over that began when nobody watched", async () => {
    spaces++;
    const store = await open({ deadline: 300 });
    const made = entry("k");
    await store.put(made, null, Date.now());
    // A change whose transaction has a number, and has looked already whether somebody watches.
    const writer = await transaction("SELECT pg_current_xact_id()");
    await writer.query("SELECT sojourn.delete_v1($1, 'k', '')", [await namespaceOf()]);
    const keys: (string | null)[] = [];
    const watch = store.watch!((key) => keys.push(key));
    await expect(watch.confirm()).rejects.toMatchObject({ code: "store_timeout" });
    await writer.query("COMMIT");
    await watch.confirm();
    expect(keys).toEqual([null]);
    expect(await store.get("k", Date.now())).toBeUndefined();
    // The next one need not wait, whatever runs.
    await transaction();
    const other = await open({ deadline: 300 });
    const second = other.watch!(() => {});
    await second.confirm();
    for (const each of [watch, second]) await each.close();
  });

  test("of tables that came from another server finds out, and begins anew", async () => {
    const { store, watch, keys } = await watched();
    await server.ask("UPDATE sojourn.watching SET since = '9999999999', settled = true WHERE namespace = $1", [
      await namespaceOf(),
    ]);
    await watch.confirm();
    expect(keys).toEqual([null]);
    keys.length = 0;
    await store.put(entry("k"), null, Date.now());
    await store.delete("k");
    await watch.confirm();
    expect(keys).toEqual(["k"]);
  });
});

test("a proof has one deadline, also where a poll that runs already has to end first", async () => {
  const [timer, deadline] = [manualTimer(), 1_000];
  const silent: PostgresPort = { query: async () => new Promise(() => {}), script: async () => {} };
  const calls = makeCalls(silent, { deadline, timer });
  const statements = statementsFor("sojourn");
  const changes = followChanges({ calls, statements, namespace: "1", timer, deadline, maxLag: 100 });
  const watch = changes.watch(() => {});
  const failed: unknown[] = [];
  const proofs: Promise<unknown>[] = [];
  for (const name of ["first", "second", "third"]) {
    proofs.push(watch.confirm().catch(({ code }: StoreError) => failed.push([name, timer.elapsed(), code])));
    timer.advance(300);
  }
  for (let step = 0; step < 7; step++) {
    timer.advance(100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(failed).toEqual([
    ["first", 1_000, "store_timeout"],
    ["second", 1_300, "store_timeout"],
    ["third", 1_600, "store_timeout"],
  ]);
  await Promise.all(proofs);
});

describe.skipIf(noPostgres)("what nobody needs any more", () => {
  test("is not written down: changes, an hour after the last watch", async () => {
    const { store, watch, removals } = await watched();
    await watch.close();
    await removals.close();
    const namespace = await namespaceOf();
    const rows = async (table: string): Promise<number> =>
      (await server.ask(`SELECT FROM sojourn.${table} WHERE namespace = $1`, [namespace])).length;
    await store.put(entry("k"), null, Date.now());
    await store.delete("k");
    expect(await rows("change")).toBe(1);
    await server.ask("UPDATE sojourn.watching SET polled_at = polled_at - interval '2 hours'");
    await store.sweep(Date.now(), 1);
    expect([await rows("watching"), await rows("change")]).toEqual([0, 0]);
    await store.put(entry("k"), null, Date.now());
    await store.delete("k");
    expect(await rows("change")).toBe(0);
  });

  test("is forgotten: revocations, after an hour; what began before them is refused then", async () => {
    spaces++;
    const [one, two] = [await open(), await open()];
    const begun = one.begin();
    await two.revokeOwner("ann");
    const namespace = await namespaceOf();
    await server.ask("UPDATE sojourn.revocation SET at = at - interval '2 hours' WHERE namespace = $1", [namespace]);
    await two.sweep(Date.now(), 1);
    expect(await server.ask("SELECT FROM sojourn.revocation WHERE namespace = $1", [namespace])).toEqual([]);
    const [{ horizon }] = (await server.ask("SELECT horizon FROM sojourn.namespace WHERE id = $1", [namespace])) as [
      { horizon: string },
    ];
    expect(Number(horizon)).toBeGreaterThan(0);
    // It was two hours ago by the server's clock, and this one began less than a minute ago.
    expect((await one.put(entry("k", { owner: "ann" }), null, Date.now(), begun)).outcome).toBe("stored");
    const late = one.begin();
    await server.ask(
      "UPDATE sojourn.namespace SET horizon = horizon + 1e9::bigint, horizon_at = clock_timestamp() WHERE id = $1",
      [namespace],
    );
    const put = async (at: Begun): Promise<unknown> => one.put(entry("l", { owner: "ann" }), null, Date.now(), at);
    expect(await put(late)).toEqual({ outcome: "revoked" });
    expect(await put(one.begin())).toMatchObject({ outcome: "stored" });
  });
});

describe.skipIf(noPostgres)("the end of a session", () => {
  test.each<[string, (sessions: Manager, id: string) => Promise<unknown>]>([
    ["logout", async (sessions, id) => sessions.destroy(id)],
    ["revoked", async (sessions) => sessions.destroyByUser("ann")],
  ])("is felt by whoever waits for it on another connection, with its reason: %s", async (reason, end) => {
    spaces++;
    const [here, there] = [
      createSessions({ store: await open({ maxLag: 20 }) }),
      createSessions({ store: await open() }),
    ];
    const { id } = await there.create("ann");
    const signal = here.signal(id);
    await expect.poll(() => here.ends.isCurrent(id), PATIENT).toBe(true);
    await end(there, id);
    await expect.poll(() => signal.aborted, PATIENT).toBe(true);
    expect(signal.reason).toMatchObject({ code: "session_ended", reason });
  });
});
