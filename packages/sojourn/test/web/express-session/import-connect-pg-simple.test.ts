/** Sessions that the real connect-pg-simple has written, in the new store: the same cookies go on, and nothing comes back. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import connectPgSimple from "connect-pg-simple";
import express from "express";
import session, { type SessionData } from "express-session";
import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { Client } from "../../../../../bench/races/client.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { portOf } from "../../../src/store/postgres/clients.ts";
import { postgresStore, type PostgresPort } from "../../../src/store/postgres/index.ts";
import { manualClock } from "../../../src/time/manual-clock.ts";
import {
  importConnectPgSimple,
  SessionStore,
  type ImportConnectPgSimpleOptions,
  type SessionStoreOptions,
  type SkippedRow,
} from "../../../src/web/express-session.ts";
import { noPostgres } from "../../store/support/postgres-binary.ts";
import { startPostgres, type PostgresServer } from "../../store/support/postgres-server.ts";

const PgStore = connectPgSimple(session);
const owner = (each: SessionData): string | undefined => (each as { user?: string }).user;

/** An app over a store; every app has the same secret. */
async function appOver(store: session.Store, jar?: Client): Promise<Client> {
  const app = express();
  app.use(session({ secret: "a secret", resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 }, store }));
  app.get("/login", (req, res) => {
    Object.assign(req.session, { user: "ann", visits: 1 });
    req.session.save(() => res.send("in"));
  });
  app.get("/visit", (req, res) => {
    const fields = req.session as { user?: string; visits?: number };
    if (fields.user !== undefined) fields.visits = (fields.visits ?? 0) + 1;
    req.session.save(() => res.send(`${fields.user ?? "nobody"} ${fields.visits ?? 0}`));
  });
  app.get("/logout", (req, res) => {
    req.session.destroy(() => res.send("out"));
  });
  const listening = app.listen(0);
  await once(listening, "listening");
  onTestFinished(() => void listening.close());
  return new Client(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`, jar?.cookies);
}

test.each<[string, object, RegExp]>([
  ["no store", { into: {} }, /^Expected a SessionStore of `sojourn\/express-session`, got an object$/],
  ["no client", { client: "postgres://u:secret@h" }, /got a connection string$/],
  ["an empty table", { table: "" }, /^Expected `table` to be a name of 1 to 63 bytes, not quoted, got ""$/],
  ["a long schema", { schema: "s".repeat(64) }, /^Expected `schema` to be a name/],
  ["a flag that is none", { remove: 1 }, /^Expected `remove` to be true or false, got 1$/],
  ["a report that is none", { onSkipped: "log" }, /^Expected `onSkipped` to be a function/],
  ["a misspelt option", { tabel: "x" }, /such as `table`, got "tabel"/],
])("options: %s", async (_, given, message) => {
  const into = new SessionStore({ store: memoryStore() });
  const client: PostgresPort = { query: async () => [], script: async () => {} };
  await expect(importConnectPgSimple({ client, into, ...given })).rejects.toThrow(message);
});

describe.skipIf(noPostgres)("on a server", () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  let old: InstanceType<typeof PgStore>;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new pg.Pool({ connectionString: server.url });
    await postgresStore.migrate(pool);
    old = new PgStore({ pool, createTableIfMissing: true, pruneSessionInterval: false });
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });
  beforeEach(async () => {
    await put("a session that makes the table", { user: "x" });
    await pool.query("TRUNCATE session");
  });

  /** What connect-pg-simple stores for a cookie of so many milliseconds, or one without an end. */
  async function put(sid: string, data: object, maxAge: number | null = 60_000): Promise<void> {
    const cookie = { originalMaxAge: maxAge, ...(maxAge !== null && { expires: new Date(Date.now() + maxAge) }) };
    await new Promise<void>((resolve, reject) => {
      old.set(sid, { cookie, ...data }, (error?: unknown) =>
        error === undefined || error === null ? resolve() : reject(error),
      );
    });
  }

  let namespaces = 0;
  async function newStore(options: Partial<SessionStoreOptions> = {}): Promise<SessionStore> {
    const store = await postgresStore({ client: pool, namespace: `new ${namespaces++}`, deadline: "10s" });
    onTestFinished(async () => store.close());
    return new SessionStore({ store, owner, ...options });
  }

  const take = async (into: SessionStore, options: Partial<ImportConnectPgSimpleOptions> = {}) =>
    importConnectPgSimple({ client: pool, into, ...options });

  test("the cookie that express-session has signed goes on in the new store, and a logout there stays", async () => {
    const before = await appOver(old);
    await before.get("/login");
    expect(await before.get("/visit")).toBe("ann 2");
    const store = await newStore();
    expect(await take(store)).toEqual({ taken: 1, there: 0, ended: 0, skipped: 0 });
    const after = await appOver(store, before);
    expect(await after.get("/visit")).toBe("ann 3");
    // What the new store has is newer than what the old one had.
    expect(await take(store)).toEqual({ taken: 0, there: 1, ended: 0, skipped: 0 });
    expect(await after.get("/visit")).toBe("ann 4");
    await after.get("/logout");
    expect(await take(store)).toEqual({ taken: 0, there: 0, ended: 1, skipped: 0 });
    expect(await (await appOver(store, before)).get("/visit")).toBe("nobody 0");
    // The old one is as it was, for a way back.
    expect(await before.get("/visit")).toBe("ann 3");
  });

  test("a row that cannot be a session is left, and told by a hash of its name; the others are taken along", async () => {
    await put("good", { user: "ann" });
    await put("large", { text: "x".repeat(1_000) });
    await put("far too large", { text: "x".repeat(10_000) });
    await put("i".repeat(513), {});
    await put("", {});
    await put("of somebody else", { user: 5 });
    await put("throws", { user: "throw" });
    for (const [sid, sess] of Object.entries({ list: "[1]", none: "null", text: '"{}"' }))
      await pool.query("INSERT INTO session VALUES ($1, $2, now() + interval '1 hour')", [sid, sess]);
    const rows: SkippedRow[] = [];
    const store = await newStore({
      maxDataLength: 1_000,
      owner: (each) => {
        if (owner(each) === "throw") throw new Error("the application's");
        return owner(each);
      },
    });
    expect(await take(store, { onSkipped: (row) => rows.push(row) })).toEqual({
      taken: 1,
      there: 0,
      ended: 0,
      skipped: 9,
    });
    expect(await store.ids()).toEqual(["good"]);
    const count = (reason: string): number => rows.filter((row) => row.reason === reason).length;
    expect([count("data"), count("id"), count("owner")]).toEqual([5, 2, 2]);
    const told = JSON.stringify(rows);
    for (const secret of ["large", "of somebody", "throws", "iii"]) expect(told).not.toContain(secret);
    // As the description of `name` says.
    const name = "left(translate(encode(sha256(sid::bytea), 'base64'), '+/', '-_'), 16)";
    const { rows: found } = await pool.query(`SELECT sid FROM session WHERE ${name} = $1`, [
      rows.find(({ reason }) => reason === "owner")?.name,
    ]);
    expect(["of somebody else", "throws"]).toContain((found[0] as { sid: string } | undefined)?.sid);
  });

  test("a session lives as long as its row says, whatever time zone the server has, and an expired one is left", async () => {
    await put("touched", { user: "ann" }, 60_000);
    await put("until the browser is closed", {}, null);
    await put("expired", {}, 60_000);
    await pool.query("UPDATE session SET expire = now() + interval '90 minutes' WHERE sid <> 'expired'");
    await pool.query("UPDATE session SET expire = now() - interval '1 second' WHERE sid = 'expired'");
    const store = await newStore({ ttl: "1d" });
    expect(await take(store)).toMatchObject({ taken: 2, skipped: 0 });
    const cookie = (await store.get("touched"))?.cookie;
    expect(Math.abs(new Date(cookie?.expires ?? 0).getTime() - Date.now() - 90 * 60_000)).toBeLessThan(10_000);
    // Its row had less left than a new one would have: nobody has used it for that long.
    const inner = await postgresStore({ client: pool, namespace: `new ${namespaces - 1}` });
    const head = await inner.get("until the browser is closed", Date.now());
    expect(Math.abs((head?.expiresAt ?? 0) - Date.now() - 90 * 60_000)).toBeLessThan(10_000);
    // A use gives it what the new store gives.
    await store.touch("until the browser is closed", { cookie: { originalMaxAge: null } });
    const used = await inner.get("until the browser is closed", Date.now());
    expect((used?.expiresAt ?? 0) - Date.now()).toBeGreaterThan(23 * 3_600_000);

    const far = new pg.Pool({ connectionString: server.url, options: "-c TimeZone=Pacific/Kiritimati" });
    onTestFinished(async () => far.end());
    const there = new PgStore({ pool: far, pruneSessionInterval: false });
    await pool.query("TRUNCATE session");
    const data = { cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000) } };
    await new Promise((resolve) => there.set("far", data, resolve));
    const second = await newStore();
    expect(await importConnectPgSimple({ client: far, into: second })).toMatchObject({ taken: 1 });
    const end = new Date((await second.get("far"))?.cookie.expires ?? 0).getTime();
    expect(Math.abs(end - Date.now() - 60_000)).toBeLessThan(10_000);
  });

  test("a row that never ends is taken along, and so are those beside it", async () => {
    await put("a", { user: "ann" });
    await put("b", { user: "ben" });
    await put("c", { user: "cyd" });
    // With `ttl: Infinity`, connect-pg-simple writes the first; the other is later than any `Date`.
    await pool.query("UPDATE session SET expire = 'infinity' WHERE sid = 'a'");
    await pool.query("UPDATE session SET expire = '294000-01-01' WHERE sid = 'b'");
    const store = await newStore();
    expect(await take(store)).toEqual({ taken: 3, there: 0, ended: 0, skipped: 0 });
    expect(await store.get("a")).toMatchObject({ user: "ann" });
    expect(await store.get("b")).toMatchObject({ user: "ben" });
  });

  test("what failed in the middle is taken up again, over many pages; with `remove`, what was taken is gone", async () => {
    await pool.query(
      `INSERT INTO session SELECT 'sid ' || n, json_build_object('cookie', json_build_object('originalMaxAge', NULL), 'user', 'u' || n % 7),
        now() + interval '1 hour' FROM generate_series(1, 450) n`,
    );
    const port = portOf(pool, false, () => () => {});
    let reads = 0;
    const client: PostgresPort = {
      ...port,
      async query(statement, values, sending) {
        if (statement.text.includes("ORDER BY sid") && ++reads === 2)
          throw Object.assign(new Error("no"), { code: "57P01" });
        return port.query(statement, values, sending);
      },
    };
    const store = await newStore();
    await expect(take(store, { client })).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await store.length()).toBe(200);
    expect(await take(store, { client })).toEqual({ taken: 250, there: 200, ended: 0, skipped: 0 });
    expect(await store.length()).toBe(450);
    expect(await store.destroyByUser("u3")).toBe(64);

    await put("not to be moved", { user: 5 });
    expect(await take(store, { remove: true })).toEqual({ taken: 0, there: 386, ended: 64, skipped: 1 });
    expect((await pool.query("SELECT sid FROM session")).rows).toEqual([{ sid: "not to be moved" }]);
    expect(await store.length()).toBe(386);
  });

  test("an hour after the first call nothing that was ended since can come back, unless it was moved", async () => {
    const clock = manualClock(Date.now());
    const inner = await postgresStore({ client: pool, namespace: "an hour" });
    const store = new SessionStore({ store: inner, ttl: "7d", clock });
    await put("a", { user: "ann" }, 7 * 86_400_000);
    expect(await take(store)).toMatchObject({ taken: 1 });
    await store.destroy("a");
    clock.advance("58m");
    expect(await take(store)).toMatchObject({ taken: 0, ended: 1 });
    clock.advance("2m");
    await expect(take(store)).rejects.toMatchObject({
      code: "store_schema",
      message: expect.stringContaining("more than an hour ago") as string,
    });
    expect(await store.get("a")).toBeUndefined();
    expect(await store.length()).toBe(0);
    // Of another table nothing was taken yet.
    await pool.query('CREATE SCHEMA app; CREATE TABLE app."user ""sessions" (LIKE session INCLUDING ALL)');
    await pool.query('INSERT INTO app."user ""sessions" SELECT \'b\', sess, expire FROM session');
    expect(await take(store, { schema: "app", table: 'user "sessions' })).toMatchObject({ taken: 1 });

    await pool.query("TRUNCATE session");
    await put("c", { user: "ann" }, 7 * 86_400_000);
    expect(await take(store, { remove: true })).toMatchObject({ taken: 1 });
  });

  test("with `remove`, a row that was stored and not removed brings nothing back, however late it is called again", async () => {
    const clock = manualClock(Date.now());
    const inner = await postgresStore({ client: pool, namespace: "stored, not removed" });
    const store = new SessionStore({ store: inner, ttl: "7d", clock });
    const port = portOf(pool, false, () => () => {});
    const client: PostgresPort = {
      ...port,
      async query(statement, values, sending) {
        if (statement.text.startsWith("DELETE")) throw Object.assign(new Error("no"), { code: "57P01" });
        return port.query(statement, values, sending);
      },
    };
    for (const sid of ["ended", "stays"]) await put(sid, { user: "ann" }, 7 * 86_400_000);
    await expect(take(store, { client, remove: true })).rejects.toMatchObject({ code: "store_unavailable" });
    await store.destroy("ended");
    clock.advance("30m");
    // Known for an hour from the first time, whatever failed since; what was not stored then is taken.
    await put("a later one", { user: "bob" }, 7 * 86_400_000);
    await expect(take(store, { client, remove: true })).rejects.toMatchObject({ code: "store_unavailable" });
    await store.destroy("a later one");
    clock.advance("61m");
    await put("new", { user: "bob" }, 7 * 86_400_000);
    expect(await take(store, { remove: true })).toEqual({ taken: 1, there: 1, ended: 2, skipped: 0 });
    expect((await store.ids()).toSorted()).toEqual(["new", "stays"]);
    expect((await pool.query("SELECT sid FROM session")).rows).toEqual([]);
    // Nothing is in doubt any more.
    await put("ended", { user: "ann" }, 7 * 86_400_000);
    expect(await take(store, { remove: true })).toMatchObject({ taken: 1 });
    await inner.close();
  });

  test("what is ended for its user while its row is on the way stays away, also from the next call", async () => {
    await put("a", { user: "ann" });
    await put("b", { user: "bob" });
    const store = await newStore();
    const port = portOf(pool, false, () => () => {});
    let reads = 0;
    const client: PostgresPort = {
      ...port,
      async query(statement, values, sending) {
        const rows = await port.query(statement, values, sending);
        if (statement.text.includes("ORDER BY sid") && ++reads === 1) await store.destroyByUser("ann");
        return rows;
      },
    };
    expect(await take(store, { client })).toEqual({ taken: 1, there: 0, ended: 1, skipped: 0 });
    expect(await take(store, { client })).toEqual({ taken: 0, there: 1, ended: 1, skipped: 0 });
    expect(await store.ids()).toEqual(["b"]);
  });

  test("a table that is not there, or another one, is a fault that says so", async () => {
    const store = await newStore();
    for (const table of ["nothing", "pg_class"])
      await expect(take(store, { table })).rejects.toMatchObject({
        code: "store_schema",
        message: `"${table}" is not there, or is no table of connect-pg-simple`,
      });
    // Sessions may be anywhere: the old table's database need not have the new tables.
    await put("a", { user: "ann" });
    const inMemory = new SessionStore({ store: memoryStore(), owner });
    expect(await take(inMemory)).toMatchObject({ taken: 1 });
    expect(await inMemory.destroyByUser("ann")).toBe(1);
  });
});
