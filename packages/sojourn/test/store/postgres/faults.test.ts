/** A server that is gone, silent, read-only, full of connections or waiting for a lock: a fault of the call, and in time. */
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { portOf } from "../../../src/store/postgres/clients.ts";
import { postgresStore, type PostgresOptions, type PostgresPort } from "../../../src/store/postgres/index.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { pgClient, pgPool, postgresJs, type OpenPostgresClient } from "../support/postgres-clients.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

/** The machine of the tests may be busy with others. */
const PATIENT = { timeout: 20_000 };
const SECRET = "what only this user may know";

let server: PostgresServer;
let spaces = 0;
const closing: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  if (noPostgres) return;
  server = await startPostgres({ settings: { max_connections: "20", superuser_reserved_connections: "0" } });
  const { client, close } = await pgPool(server.url);
  await postgresStore.migrate(client);
  await close();
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(async () => server?.stop());

async function open(openClient: OpenPostgresClient, options: Partial<PostgresOptions> = {}): Promise<Store<"async">> {
  const { client, close } = await openClient(server.url);
  closing.push(close);
  return openOn(client, options);
}

async function openOn(client: PostgresOptions["client"], options: Partial<PostgresOptions>): Promise<Store<"async">> {
  const store = await postgresStore({ client, namespace: `faults ${++spaces}`, ...options });
  closing.push(async () => store.close());
  return store;
}

async function apply(statement: string): Promise<void> {
  await server.ask(statement);
  await server.ask("SELECT pg_reload_conf()");
}

/** Changes a setting for everybody who is connected, until the test ends. */
async function set(name: string, value: string): Promise<void> {
  await apply(`ALTER SYSTEM SET ${name} = '${value}'`);
  onTestFinished(async () => apply(`ALTER SYSTEM RESET ${name}`));
}

let revs = 0;
function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const now = Date.now();
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev-${++revs}`, meta: "", value: SECRET, ...instants, ...parts };
}

/** Calls that change something. */
function writes(store: Store<"async">): Promise<unknown>[] {
  const now = Date.now();
  return [
    store.put(entry("k", { owner: "ann" }), "any", now),
    store.put(entry("nobody's"), null, now),
    store.put(entry("over a rev"), "rev", now),
    store.touch("k", "rev", { touchedAt: now, expiresAt: now }, now),
    store.delete("k"),
    store.revokeOwner("ann"),
    store.sweep(now, 1),
  ];
}

/** Every call of a store. */
function calls(store: Store<"async">): Promise<unknown>[] {
  const now = Date.now();
  const reads = [store.get("k", now), store.list({ limit: 1 }, now), store.listByOwner("ann", { limit: 1 }, now)];
  return [...writes(store), ...reads, store.count(now)];
}

async function codesOf(replies: Promise<unknown>[]): Promise<unknown[]> {
  return Promise.all(
    replies.map(async (reply) =>
      reply.then(
        () => "answered",
        (error: unknown) => codeOf(error),
      ),
    ),
  );
}

function codeOf(error: unknown): unknown {
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET);
  return (error as { code?: unknown }).code ?? error;
}

/** A transaction of somebody else, which ends with the test. */
async function transaction(...statements: readonly string[]): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: server.url });
  client.on("error", () => {});
  await client.connect();
  await client.query("BEGIN");
  for (const statement of statements) await client.query(statement);
  let isOver = false;
  const end = async (): Promise<void> => {
    if (isOver) return;
    isOver = true;
    await client.query("ROLLBACK").catch(() => {});
    await client.end();
  };
  onTestFinished(end);
  return end;
}

describe.skipIf(noPostgres).each(Object.entries({ "pg, a pool": pgPool, "postgres.js": postgresJs }))(
  "%s",
  (_, openClient) => {
    test("a server that is gone is a fault of every call, and one that is back answers", async () => {
      const store = await open(openClient, { deadline: 500 });
      await store.put(entry("k"), null, Date.now());
      await server.kill();
      for (const code of [...(await codesOf(calls(store))), ...(await codesOf(calls(store)))]) {
        expect(["store_unavailable", "store_timeout"]).toContain(code);
      }
      await server.restart();
      await expect.poll(async () => store.count(Date.now()).catch(() => "away"), PATIENT).toBe(1);
      expect((await store.get("k", Date.now()))?.value).toBe(SECRET);
    });

    test("a server that is stopped as for an update is a fault, and one that is back answers", async () => {
      const store = await open(openClient, { deadline: 500 });
      await server.shutDown();
      for (const code of await codesOf(calls(store))) {
        expect(["store_unavailable", "store_timeout"]).toContain(code);
      }
      await server.restart();
      await expect.poll(async () => store.count(Date.now()).catch(() => "away"), PATIENT).toBe(0);
    });

    test("a server that stands still is a fault at the deadline, and takes no connection with it", async () => {
      const store = await open(openClient, { deadline: 400 });
      server.pause();
      try {
        const startedAt = performance.now();
        const rounds = [...calls(store), ...calls(store)];
        expect(new Set(await codesOf(rounds))).toEqual(new Set(["store_timeout"]));
        expect(performance.now() - startedAt).toBeLessThan(3_000);
      } finally {
        server.resume();
      }
      await expect.poll(async () => store.count(Date.now()).catch(() => "away"), PATIENT).not.toBe("away");
      expect(new Set(await codesOf([...calls(store), ...calls(store)]))).toEqual(new Set(["answered"]));
    });

    test("of calls that go together, none that has waited in vain is made once the server answers again", async () => {
      const store = await open(openClient, { deadline: 400 });
      server.pause();
      const logins: Promise<unknown>[] = [];
      try {
        // More statements than connections: the rest waits in the client.
        for (let turn = 0; turn < 40; turn++) {
          for (let n = 0; n < 30; n++) logins.push(store.put(entry(`late ${turn} ${n}`), null, Date.now()));
          await setImmediate();
        }
        expect(new Set(await codesOf(logins))).toEqual(new Set(["store_timeout"]));
      } finally {
        server.resume();
      }
      await expect.poll(async () => store.count(Date.now()).catch(() => "away"), PATIENT).not.toBe("away");
      // What was on its way over the ten connections has been made, and nothing else.
      expect(await store.count(Date.now())).toBeLessThanOrEqual(10 * 30);
    });

    test("a server that became read-only refuses changes, and reads on", async () => {
      const store = await open(openClient);
      await store.put(entry("k"), null, Date.now());
      await set("default_transaction_read_only", "on");
      await expect.poll(async () => (await codesOf([store.delete("gone")]))[0], PATIENT).toBe("store_readonly");
      expect(new Set(await codesOf(writes(store)))).toEqual(new Set(["store_readonly"]));
      expect((await store.get("k", Date.now()))?.value).toBe(SECRET);
    });

    test("a lock that is not free within lock_timeout is a fault, and so is statement_timeout", async () => {
      const store = await open(openClient);
      await store.put(entry("k"), null, Date.now());
      const end = await transaction("SELECT * FROM sojourn.entry WHERE key = 'k' FOR UPDATE");
      await set("lock_timeout", "50ms");
      await expect.poll(async () => (await codesOf([store.delete("k")]))[0], PATIENT).toBe("store_timeout");
      await set("lock_timeout", "0");
      await set("statement_timeout", "200ms");
      const slow = async (): Promise<unknown> => store.delete("k").catch(String);
      await expect.poll(slow, PATIENT).toContain("statement_timeout");
      await end();
      // A call that was given up may have come first.
      await store.delete("k");
      expect(await store.get("k", Date.now())).toBeUndefined();
    });

    test("a client that is closed is a fault", async () => {
      const { client, close } = await openClient(server.url);
      const store = await openOn(client, { deadline: 500 });
      await close();
      expect(new Set(await codesOf(calls(store)))).toEqual(new Set(["store_closed"]));
    });

    test("tables that are gone are a fault, and so is a namespace whose row is", async () => {
      const { client, close } = await openClient(server.url);
      closing.push(close);
      await postgresStore.migrate(client, { schema: "passing" });
      const store = await openOn(client, { schema: "passing" });
      await server.ask("DELETE FROM passing.namespace");
      expect(new Set(await codesOf(calls(store)))).toEqual(new Set(["store_schema"]));
      await expect(store.get("k", Date.now())).rejects.toThrow("open the store again");
      await server.ask("DROP SCHEMA passing CASCADE");
      expect(new Set(await codesOf(calls(store)))).toEqual(new Set(["store_schema"]));
      await expect(postgresStore({ client, schema: "passing" })).rejects.toMatchObject({ code: "store_schema" });
    });
  },
);

describe.skipIf(noPostgres)("tables that are made anew under a process", () => {
  test("do not give it the sessions of another namespace", async () => {
    const { client, close } = await pgPool(server.url);
    closing.push(close);
    const options = { schema: "anew", migrate: true };
    const store = await openOn(client, { ...options, namespace: "admin" });
    await store.put(entry("k", { owner: "ann" }), null, Date.now());
    await server.ask("DROP SCHEMA anew CASCADE");
    const shop = await openOn(client, { ...options, namespace: "shop" });
    await shop.put(entry("k", { owner: "ann" }), null, Date.now());
    const codes = await codesOf([...calls(store), store.watch!(() => {}).confirm()]);
    expect(new Set(codes)).toEqual(new Set(["store_schema"]));
    expect((await shop.get("k", Date.now()))?.value).toBe(SECRET);
    // Another process of the same application opens it: now it is there again.
    await openOn(client, { ...options, namespace: "admin" });
    expect(new Set(await codesOf(calls(store)))).toEqual(new Set(["answered"]));
    expect((await shop.get("k", Date.now()))?.value).toBe(SECRET);
  });
});

/** A port whose first statement is slow, and which answers no other one. */
function stalling(port: PostgresPort): { readonly client: PostgresPort; stall(): void } {
  let sent = Number.NaN;
  return {
    stall: () => void (sent = 0),
    client: {
      ...port,
      async query(statement, values, sending) {
        if (sent++ > 0) return new Promise(() => {});
        if (sent === 1) await new Promise((resolve) => setTimeout(resolve, 700));
        return port.query(statement, values, sending);
      },
    },
  };
}

describe.skipIf(noPostgres)("a call of several statements", () => {
  test.each<[string, (store: Store<"async">) => Promise<unknown>, unknown]>([
    ["look-up", async (store) => store.get("k", Date.now()), "store_timeout"],
    ["revocation", async (store) => store.revokeOwner("ann"), "answered"],
    ["proof that nothing was missed", async (store) => store.watch!(() => {}).confirm(), "store_timeout"],
  ])("has one deadline: %s", async (_, call, code) => {
    const { client: pool, close } = await pgPool(server.url);
    closing.push(close);
    const { client, stall } = stalling(portOf(pool, false, () => () => {}));
    const store = await openOn(client, { deadline: 1_000 });
    stall();
    const startedAt = performance.now();
    expect(await codesOf([call(store)])).toEqual([code]);
    const took = performance.now() - startedAt;
    expect(took).toBeGreaterThan(690);
    expect(took).toBeLessThan(1_500);
  });
});

describe.skipIf(noPostgres)("connections", () => {
  test("that the server has no more of are a fault", async () => {
    const store = await open(pgPool, { deadline: 2_000 });
    const others = Array.from({ length: 40 }, () => new pg.Client({ connectionString: server.url }));
    for (const other of others) other.on("error", () => {});
    const connected = await Promise.allSettled(others.map(async (other) => other.connect()));
    try {
      expect(connected.some(({ status }) => status === "rejected")).toBe(true);
      const codes = await codesOf([...calls(store), ...calls(store)]);
      expect(codes).toContain("store_unavailable");
      expect(codes.every((code) => code === "store_unavailable" || code === "answered")).toBe(true);
    } finally {
      await Promise.allSettled(others.map(async (other) => other.end()));
    }
  });

  test("that the application has taken are a fault at the deadline, and nothing is sent after it", async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1 });
    closing.push(async () => pool.end());
    const store = await openOn(pool, { deadline: 200 });
    const taken = await pool.connect();
    expect(new Set(await codesOf(calls(store)))).toEqual(new Set(["store_timeout"]));
    taken.release();
    expect((await store.put(entry("other"), null, Date.now())).outcome).toBe("stored");
    expect(await store.count(Date.now())).toBe(1);
  });

  test("that a pool does not get in time are a fault", async () => {
    const pool = new pg.Pool({ connectionString: server.url, max: 1, connectionTimeoutMillis: 700 });
    closing.push(async () => pool.end());
    const store = await openOn(pool, { deadline: "10s" });
    const taken = await pool.connect();
    expect(await codesOf([store.get("k", Date.now())])).toEqual(["store_timeout"]);
    taken.release();
  });

  test("of one client go one after the other, and what waits for its turn is not sent late", async () => {
    const store = await open(pgClient, { deadline: 300 });
    await store.put(entry("k"), null, Date.now());
    const end = await transaction("SELECT * FROM sojourn.entry WHERE key = 'k' FOR UPDATE");
    const replies = [store.delete("k"), store.put(entry("late"), null, Date.now())];
    expect(await codesOf(replies)).toEqual(["store_timeout", "store_timeout"]);
    await end();
    // The delete was on its way; the put was not.
    await expect.poll(async () => store.count(Date.now()).catch(() => "away"), PATIENT).toBe(0);
  });
});

describe.skipIf(noPostgres)("connections that answer nothing any more", () => {
  test.each<[string, OpenPostgresClient, RegExp | undefined]>([
    ["a client of pg", pgClient, /3 calls in a row had no answer: .* give the store a `Pool`/],
    ["postgres.js", postgresJs, /3 calls in a row had no answer: .* open the store with another/],
    ["a pool of pg, which gives them up", pgPool, undefined],
  ])("are named, with what to do: %s", async (_, openClient, advice) => {
    const store = await open(openClient, { deadline: 300 });
    server.pause();
    onTestFinished(() => server.resume());
    const messages: string[] = [];
    for (let call = 0; call < 3; call++) {
      messages.push(String(await store.get("k", Date.now()).catch((error: unknown) => error)));
    }
    for (const message of messages.slice(0, 2)) expect(message).not.toContain("in a row");
    if (advice === undefined) expect(messages[2]).not.toContain("in a row");
    else expect(messages[2]).toMatch(advice);
    server.resume();
    await expect.poll(async () => store.get("k", Date.now()).catch(String), PATIENT).toBeUndefined();
    // It counts anew.
    server.pause();
    await expect(store.get("k", Date.now())).rejects.toThrow(/^(?!.*in a row)/);
    // A pool ends when its connections have, before `onTestFinished`.
    server.resume();
  });

  test("are named where a client of pg has lost its only one", async () => {
    const store = await open(pgClient, { deadline: 500 });
    await server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
    await expect
      .poll(async () => store.get("k", Date.now()).catch(String), PATIENT)
      .toMatch(/^StoreError: The `Client` of pg has lost its connection, and makes no other: give the store a `Pool`/);
  });
});

describe.skipIf(noPostgres)("what Postgres refuses for the sake of others", () => {
  test("is made again", async () => {
    const store = await open(pgPool, { deadline: 5_000 });
    for (const key of ["a", "b"]) await store.put(entry(key, { owner: "ann" }), null, Date.now());
    // It has b and wants a; the revocation has a and wants b. After a second one of the two is refused.
    const held = new pg.Client({ connectionString: server.url });
    await held.connect();
    onTestFinished(async () => held.end());
    await held.query("SET deadlock_timeout = '10s'");
    await held.query("BEGIN");
    await held.query("SELECT * FROM sojourn.entry WHERE key = 'b' FOR UPDATE");
    const revoking = store.revokeOwner("ann");
    await expect
      .poll(
        async () => (await server.ask("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length,
        PATIENT,
      )
      .toBe(1);
    await held.query("SELECT * FROM sojourn.entry WHERE key = 'a' FOR UPDATE");
    await held.query("COMMIT");
    expect((await revoking).length).toBe(2);
  });

  test("is a fault where transactions are not READ COMMITTED", async () => {
    const store = await open(pgPool);
    await set("default_transaction_isolation", "repeatable read");
    await expect.poll(async () => (await codesOf([store.delete("gone")]))[0], PATIENT).toBe("store_unavailable");
    await expect(store.revokeOwner("ann")).rejects.toThrow("READ COMMITTED");
    await expect(open(pgPool)).rejects.toMatchObject({ code: "guarantee_unmet" });
  });
});
