/**
 * Two transactions in a certain order, the first of which is not committed yet: what the functions do then. Each order is
 * tried with functions that have the mistake which it is about, too.
 */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { postgresMigrations, postgresStore } from "../../../src/store/postgres/index.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

const now = Date.now();
let revs = 0;
function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: "ann", rev: `rev-${++revs}`, meta: "", value: "", ...instants, ...parts };
}

interface Scene {
  readonly schema: string;
  /** Calls go through this one, each in a transaction of its own. */
  readonly store: Store<"async">;
  /** Another one, all of whose calls are in one transaction that is not committed yet. */
  readonly open: Store<"async">;
  commit(): Promise<unknown>;
  /** Resolves when somebody waits for a lock, or when the call is over, which then did not wait. */
  waits(call: Promise<unknown>): Promise<void>;
}

interface Order {
  readonly name: string;
  /** What is in place of what, in the functions with the mistake. */
  readonly mistake: readonly [from: string, to: string];
  /** Whether all is as it must be. */
  holds(scene: Scene): Promise<boolean>;
}

const orders: readonly Order[] = [
  {
    name: "a revocation waits for a login in flight, and ends it",
    mistake: ["PERFORM pg_advisory_xact_lock_shared(hashtextextended(_owner, _ns));", ""],
    async holds({ store, open, commit, waits }) {
      await open.put(entry("k"), null, now);
      const revoking = store.revokeOwner("ann");
      await waits(revoking);
      await commit();
      return (await revoking).length === 1 && (await store.get("k", now)) === undefined;
    },
  },
  {
    name: "a login waits for a revocation in flight, and is refused",
    mistake: ["PERFORM pg_advisory_xact_lock(hashtextextended(_owner, _ns));", ""],
    async holds({ store, open, commit, waits }) {
      const begun = store.begin();
      const revoking = open.revokeOwner("ann");
      await new Promise((resolve) => setTimeout(resolve, 50));
      const login = store.put(entry("k"), null, now, begun);
      await waits(login);
      await revoking;
      await commit();
      return (await login).outcome === "revoked";
    },
  },
  {
    name: "of two inserts of one key, the second is told of the first",
    mistake: ["IF FOUND THEN _added := 1; END IF;", "_added := 1;"],
    async holds({ store, open, commit, waits }) {
      const first = entry("k");
      await open.put(first, null, now);
      const second = store.put(entry("k"), null, now);
      await waits(second);
      await commit();
      const put = await second;
      return put.outcome === "conflict" && put.current?.rev === first.rev && (await store.count(now)) === 1;
    },
  },
  {
    name: "a revocation ends what was changed in flight",
    mistake: ["ORDER BY key FOR UPDATE\n    ), gone", "ORDER BY key FOR UPDATE SKIP LOCKED\n    ), gone"],
    async holds({ store, open, commit, waits }) {
      const first = entry("k", { expiresAt: now + 1_000 });
      await store.put(first, null, now);
      await open.touch("k", first.rev, { touchedAt: now, expiresAt: now + 90_000 }, now);
      const revoking = store.revokeOwner("ann");
      await waits(revoking);
      await commit();
      return (await revoking)[0]?.expiresAt === now + 90_000 && (await store.get("k", now)) === undefined;
    },
  },
  {
    name: "a sweep does not wait for what is in flight, nor take what is extended meanwhile",
    mistake: ["LIMIT _limit FOR UPDATE SKIP LOCKED", "LIMIT _limit FOR UPDATE"],
    async holds({ store, open, commit, waits }) {
      const first = entry("k", { expiresAt: now + 1 });
      await store.put(first, null, now);
      await open.touch("k", first.rev, { touchedAt: now, expiresAt: now + 90_000 }, now);
      const sweeping = store.sweep(now + 10, 10);
      let isSwept = false;
      void sweeping.then(() => (isSwept = true));
      await waits(sweeping);
      const hasWaited = !isSwept;
      await commit();
      return (await sweeping).length === 0 && !hasWaited && (await store.get("k", now + 10)) !== undefined;
    },
  },
  {
    name: "a change over a rev that is gone in flight is a conflict",
    mistake: ["FOR UPDATE;\n    IF e.key IS NULL", ";\n    IF e.key IS NULL"],
    async holds({ store, open, commit, waits }) {
      const first = entry("k");
      await store.put(first, null, now);
      await open.delete("k");
      const change = store.put(entry("k"), first.rev, now);
      await waits(change);
      await commit();
      const put = await change;
      return put.outcome === "conflict" && put.current === undefined && (await store.count(now)) === 0;
    },
  },
  {
    name: "of logins that go together, one waits for a revocation in flight, holds up nobody, and is refused",
    mistake: ["SELECT coalesce(pg_try_advisory_xact_lock_shared(hashtextextended(o.owner, _ns)), true)", "SELECT true"],
    async holds({ store, open, commit, waits }) {
      const begun = store.begin();
      const revoking = open.revokeOwner("ann");
      await new Promise((resolve) => setTimeout(resolve, 50));
      const [alone, login, ...others] = ["bob", "ann", "cid", "dan"].map(async (owner) =>
        store.put(entry(owner, { owner }), null, now, begun),
      );
      const stored = await Promise.all([alone!, ...others]);
      await waits(login!);
      await revoking;
      await commit();
      return stored.every(({ outcome }) => outcome === "stored") && (await login!).outcome === "revoked";
    },
  },
  {
    name: "of logins that go together, one that began before a revocation is refused",
    mistake: ["AND r.owner = u.owner AND r.number > u.seen", "AND r.owner = u.owner AND false"],
    async holds({ store, open, commit }) {
      const begun = store.begin();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await Promise.all([open.revokeOwner("ann"), commit()]);
      const logins = ["bob", "ann", "cid"].map(async (owner) => store.put(entry(owner, { owner }), null, now, begun));
      const outcomes = (await Promise.all(logins)).map(({ outcome }) => outcome);
      return outcomes.join() === "stored,revoked,stored";
    },
  },
  {
    name: "of removals that go together, one waits for a change in flight, and holds up nobody",
    mistake: ["ORDER BY key FOR UPDATE SKIP LOCKED\n    )\n    DELETE", "ORDER BY key FOR UPDATE\n    )\n    DELETE"],
    async holds({ store, open, commit, waits }) {
      const all = ["a", "b", "c", "d"].map((key) => entry(key));
      for (const each of all) await store.put(each, null, now);
      await open.touch("b", all[1]!.rev, { touchedAt: now, expiresAt: now + 90_000 }, now);
      const [alone, held, ...others] = all.map(async ({ key }) => store.delete(key));
      await alone;
      let isOver = false;
      void Promise.all(others).then(() => (isOver = true));
      await waits(held!);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const wasOver = isOver;
      await commit();
      const head = await held!;
      return wasOver && head?.expiresAt === now + 90_000 && (await Promise.all(others)).every(Boolean);
    },
  },
];

describe.skipIf(noPostgres)("functions", () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new pg.Pool({ connectionString: server.url });
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });

  async function sceneOn(schema: string): Promise<Scene> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    onTestFinished(async () => client.end());
    const open = await postgresStore({ client, schema, deadline: "10s" });
    const store = await postgresStore({ client: pool, schema, deadline: "10s" });
    await client.query("BEGIN");
    const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    return {
      schema,
      store,
      open,
      commit: async () => client.query("COMMIT"),
      async waits(call) {
        let isOver = false;
        const end = (): void => void (isOver = true);
        call.then(end, end);
        await expect.poll(async () => isOver || (await server.ask(waiting)).length > 0, { timeout: 20_000 }).toBe(true);
      },
    };
  }

  test.each(orders)("$name", async ({ mistake: [from, to], holds }) => {
    const schemas = [`right_${++revs}`, `wrong_${revs}`] as const;
    for (const schema of schemas) {
      const sql = postgresMigrations(schema)[0]!.sql;
      if (schema === schemas[1]) expect(sql.split(from).length).toBe(2);
      await pool.query(schema === schemas[1] ? sql.replace(from, to) : sql);
    }
    expect(await holds(await sceneOn(schemas[0]))).toBe(true);
    expect(await holds(await sceneOn(schemas[1])).catch(() => false)).toBe(false);
  });
});
