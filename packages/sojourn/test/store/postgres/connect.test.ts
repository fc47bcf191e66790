/** What is asked of the server before the first call, and what it promises by its settings. */
import pg from "pg";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { postgresStore, type PostgresOptions } from "../../../src/store/postgres/index.ts";
import { guaranteesOf, type Server } from "../../../src/store/postgres/connect.ts";
import type { Guarantees } from "../../../src/store/store.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { startPglite } from "../support/start-pglite.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

const usual: Server = {
  synchronousCommit: "on",
  fsync: true,
  fullPageWrites: true,
  synchronousStandbys: "",
  standbys: 0,
};

describe("what a server promises", () => {
  test.each<[string, Partial<Server>, Partial<Guarantees>]>([
    ["by default", {}, { durability: "power", failoverLoss: false, atomic: true, exactOrder: false, removalsMs: 50 }],
    ["without fsync", { fsync: false }, { durability: "process" }],
    ["without full_page_writes", { fullPageWrites: false }, { durability: "process" }],
    ["with synchronous_commit off", { synchronousCommit: "off" }, { durability: "none" }],
    ["with a standby that nobody waits for", { standbys: 1 }, { failoverLoss: true }],
    [
      "with a standby that commits wait for",
      { standbys: 1, synchronousStandbys: "b", synchronousCommit: "remote_apply" },
      { failoverLoss: false, durability: "power" },
    ],
    [
      "with a standby that is only told",
      { standbys: 1, synchronousStandbys: "b", synchronousCommit: "local" },
      { failoverLoss: true, durability: "power" },
    ],
  ])("%s", (_, settings, expected) => {
    expect(guaranteesOf({ ...usual, ...settings }, { isServer: true, maxLag: 50 })).toMatchObject(expected);
  });
});

describe("options", () => {
  test.each<[string, object, string]>([
    [
      "no client",
      {},
      "Expected `client` to be a Pool or a Client of pg, what `postgres()` or `neon()` gives, or a PGlite, got undefined",
    ],
    ["something else for a client", { client: { query() {} } }, "Expected `client` to be"],
    ["a namespace that is empty", { namespace: "" }, "Expected `namespace` to be a string of 1 to 512 bytes"],
    ["a deadline that is too long", { deadline: "2m" }, "Expected `deadline` to be at most a minute"],
    ["a misspelt option", { namspace: "x" }, "Expected an option of `postgresStore`, such as `namespace`"],
    ["no word of truth", { prepare: "yes" }, "Expected `prepare` to be true or false"],
    ["a lag of nothing", { maxLag: 0 }, "Expected `maxLag` to be a positive duration"],
  ])("%s is refused", async (name, given, message) => {
    const options = { ...(!name.includes("client") && { client: {} }), ...given } as PostgresOptions;
    await expect(postgresStore(options)).rejects.toThrow(message);
    await expect(postgresStore(options)).rejects.toThrow(TypeError);
  });
});

test.each(["postgres://app:secret@db/app", `postgres://app:secret@${"long".repeat(20)}/app`])(
  "a connection string for a client is refused without its password",
  async (url) => {
    const refused = [
      postgresStore({ client: url as never }),
      postgresStore.migrate(url as never),
      postgresStore(url as never),
    ];
    for (const refusal of refused) {
      const { name, message } = (await refusal.catch((error: unknown) => error)) as Error;
      expect(name).toBe("TypeError");
      expect(message).toMatch(/got a connection string$/);
    }
  },
);

test("PGlite gives what was stored, whatever its parsers make of it", async () => {
  const client = await startPglite({ parsers: { 16: wrap, 17: wrap, 20: wrap, 25: wrap } });
  onTestFinished(async () => client.close());
  expect(await answers(client, "parsers")).toEqual(ANSWERS);
});

test("PGlite keeps nothing that a crash would leave", async () => {
  const client = await startPglite();
  onTestFinished(async () => client.close());
  const store = await postgresStore({ client, migrate: true });
  expect(store.guarantees).toMatchObject({ durability: "none", failoverLoss: false, removalsMs: 100 });
  expect(() => createSessions({ store, require: { durability: "process" } })).toThrow("durability");
});

function poolWith(server: PostgresServer, option: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: server.url, options: `-c ${option}` });
  onTestFinished(async () => pool.end());
  return pool;
}

/** What a session, a watch and bytes are answered over a client. */
async function answers(client: PostgresOptions["client"], namespace: string): Promise<readonly unknown[]> {
  const store = await postgresStore({ client, namespace, migrate: true });
  const removed: unknown[] = [];
  const watch = store.watchRemovals!((each) => removed.push(each?.head.owner));
  await watch.confirm();
  removed.length = 0;
  const sessions = createSessions<{ n: number }>({ store });
  const { token, id } = await sessions.create("ann", { n: 1 });
  const live = await sessions.authenticate(token);
  const given: unknown[] = [live?.userId, live?.data];
  given.push((await sessions.update(id, { n: 3 }))?.data);
  await sessions.create("ann", { n: 2 });
  given.push((await sessions.listByUser("ann")).length, await sessions.count());
  given.push((await sessions.refresh(id))?.data, await sessions.destroyByUser("ann"));
  given.push(await sessions.authenticate(token));
  await watch.confirm();
  await store.put({ ...ENTRY, value: BYTES }, null, 0);
  given.push(removed, await store.get("k", 0), await store.touch("k", "other", { touchedAt: 1, expiresAt: 2 }, 0));
  await watch.close();
  await store.close();
  return given;
}

function sqlWith(
  { url }: PostgresServer,
  options: postgres.Options<Record<string, postgres.PostgresType>>,
): postgres.Sql {
  return postgres(url, options);
}

const ENTRY = { key: "k", owner: null, rev: "r", meta: "", value: "", createdAt: 0, touchedAt: 0, expiresAt: 1e12 };
/** A parser that an application could have. */
const wrap = (text: string): object => ({ text });
const BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const ANSWERS = [
  "ann",
  { n: 1 },
  { n: 3 },
  2,
  2,
  { n: 3 },
  2,
  undefined,
  ["ann", "ann"],
  { ...ENTRY, value: BYTES },
  false,
];
const random = (): string => String.fromCharCode(33 + Math.floor(Math.random() * 90));

describe.skipIf(noPostgres)("a server", () => {
  let server: PostgresServer;
  let pool: pg.Pool;
  beforeAll(async () => {
    server = await startPostgres();
    pool = new pg.Pool({ connectionString: server.url });
    await postgresStore.migrate(pool);
  });
  afterAll(async () => {
    await pool?.end();
    await server?.stop();
  });

  test("says what it promises, also by what a role has set", async () => {
    expect((await postgresStore({ client: pool })).guarantees.durability).toBe("power");
    await server.ask("CREATE ROLE hasty LOGIN SUPERUSER");
    await server.ask("ALTER ROLE hasty SET synchronous_commit = off");
    const hasty = new pg.Pool({ connectionString: server.url.replace("postgres@", "hasty@") });
    onTestFinished(async () => hasty.end());
    expect((await postgresStore({ client: hasty })).guarantees.durability).toBe("none");
  });

  test("is refused if transactions of the role are not READ COMMITTED, or it takes no writes", async () => {
    const serializable = postgresStore({ client: poolWith(server, "default_transaction_isolation=serializable") });
    await expect(serializable).rejects.toMatchObject({
      code: "guarantee_unmet",
      message: expect.stringContaining("ALTER ROLE") as string,
    });
    const readonly = postgresStore({ client: poolWith(server, "default_transaction_read_only=on") });
    await expect(readonly).rejects.toMatchObject({ code: "store_readonly" });
  });

  test("has keys of any characters, and owners of any length", async () => {
    const store = await postgresStore({ client: pool, namespace: "wide" });
    const now = Date.now();
    const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
    const keys = [
      "\0".repeat(512),
      Array.from({ length: 256 }, () => `\0${random()}`).join(""),
      Array.from({ length: 170 }, () => String.fromCharCode(0xd800 + Math.floor(Math.random() * 0x400)))
        .join("a")
        .slice(0, 250),
    ];
    for (const key of keys) {
      const owner = Array.from({ length: 20_000 }, random).join("");
      const made = { key, owner, rev: "r", meta: "", value: "", ...instants };
      expect((await store.put(made, null, now)).outcome).toBe("stored");
      expect((await store.get(key, now))?.owner).toBe(owner);
      expect((await store.listByOwner(owner, { limit: 2 }, now)).items.map((each) => each.key)).toEqual([key]);
      expect((await store.revokeOwner(owner)).length).toBe(1);
    }
  });

  test("keeps numbers whole where a role has them rounded", async () => {
    const store = await postgresStore({ client: poolWith(server, "extra_float_digits=0"), namespace: "rounded" });
    // Its last digit is what 15 digits lose.
    await server.ask("UPDATE sojourn.namespace SET revoked = 8000000000000003 WHERE name = 'rounded'");
    await store.revokeOwner("ann");
    const now = Date.now();
    const made = { key: "k", owner: "ann", rev: "r", meta: "", value: "", createdAt: now, touchedAt: now };
    expect(await store.put({ ...made, expiresAt: now + 60_000 }, null, now)).toMatchObject({ outcome: "stored" });
  });

  test("gives back bytes where a role has them escaped", async () => {
    const sql = postgres(server.url, { connection: { bytea_output: "escape" } });
    onTestFinished(async () => sql.end());
    const store = await postgresStore({ client: sql, namespace: "escaped" });
    const now = Date.now();
    const value = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const made = { key: "k", owner: null, rev: "r", meta: "", value, createdAt: now, touchedAt: now };
    await store.put({ ...made, expiresAt: now + 60_000 }, null, now);
    expect((await store.get("k", now))?.value).toEqual(value);
  });

  test("prepares statements of schemas with long names that end alike apart", async () => {
    const client = new pg.Pool({ connectionString: server.url, max: 1 });
    onTestFinished(async () => client.end());
    const printed = vi.spyOn(console, "error");
    for (const tenant of ["a", "b"]) {
      const schema = `${tenant}_sessions_of_the_application_in_the_production_environment_x`;
      const store = await postgresStore({ client, schema, prepare: true, migrate: true });
      expect(await store.count(Date.now())).toBe(0);
      await store.put({ ...ENTRY, key: tenant }, null, 0);
      expect((await store.list({ limit: 2 }, 0)).items.map(({ key }) => key)).toEqual([tenant]);
    }
    // pg warns of names that Postgres would cut.
    expect(printed).not.toHaveBeenCalled();
  });

  test("is not taken for one that was started anew where connections have different time zones", async () => {
    const client = new pg.Pool({ connectionString: server.url, max: 2 });
    onTestFinished(async () => client.end());
    const store = await postgresStore({ client, namespace: "zones" });
    const told: unknown[] = [];
    const watch = store.watchRemovals!((removed) => told.push(removed));
    const both = [await client.connect(), await client.connect()] as const;
    await both[0].query("SET TIME ZONE 'UTC'");
    await both[1].query("SET TIME ZONE 'Asia/Tokyo'");
    both[0].release();
    await watch.confirm();
    told.length = 0;
    // The next poll has the other one.
    const first = await client.connect();
    both[1].release();
    await watch.confirm();
    first.release();
    expect(told).toEqual([]);
    await watch.close();
  });

  test.each<[string, postgres.Options<Record<string, postgres.PostgresType>>]>([
    ["names in camel case", { transform: postgres.camel }],
    ["null as undefined", { transform: { value: { from: (value: unknown) => value ?? undefined } } }],
    ["values wrapped", { transform: { value: { from: (value: unknown) => ({ value }) } } }],
    ["undefined as null", { transform: { undefined: null } }],
    [
      "types of its own",
      {
        types: {
          bigint: postgres.BigInt,
          bool: { to: 16, from: [16], serialize: String, parse: (text: string) => `a ${text}` },
          text: { to: 25, from: [25], serialize: String, parse: (text: string) => [text] },
        },
      },
    ],
  ])("gives postgres.js what was stored, whatever it makes of rows: %s", async (name, options) => {
    const sql = postgres(server.url, { ...options, onnotice: () => {} });
    onTestFinished(async () => sql.end());
    expect(await answers(sql, `postgres.js ${name}`)).toEqual(ANSWERS);
  });

  test("gives pg what was stored, whatever its parsers make of it", async () => {
    const client = new pg.Pool({ connectionString: server.url, types: { getTypeParser: () => wrap as never } });
    onTestFinished(async () => client.end());
    expect(await answers(client, "pg, parsers of the pool")).toEqual(ANSWERS);
    const { BOOL, BYTEA, INT8, TEXT } = pg.types.builtins;
    const oids = [BOOL, BYTEA, INT8, TEXT] as const;
    const before = oids.map((oid) => pg.types.getTypeParser(oid));
    onTestFinished(() => oids.forEach((oid, index) => pg.types.setTypeParser(oid, before[index] as never)));
    for (const oid of oids) pg.types.setTypeParser(oid, wrap);
    expect(await answers(pool, "pg, parsers of all")).toEqual(ANSWERS);
  });

  test.each<[string, () => PostgresOptions["client"], string]>([
    ["rows as objects", () => sqlWith(server, { transform: { row: { from: (row) => ({ ...row }) } } }), "rows"],
    [
      "other texts",
      () =>
        sqlWith(server, {
          types: { text: { to: 25, from: [25], serialize: (text: string) => text.trim(), parse: String } },
        }),
      "a text",
    ],
    [
      "other bytes",
      () => sqlWith(server, { types: { bytes: { to: 17, from: [17], serialize: () => "\\x00", parse: String } } }),
      "bytes",
    ],
    [
      "values in binary",
      () => new pg.Pool({ connectionString: server.url, binary: true } as pg.PoolConfig),
      "a number",
    ],
  ])("is not used over a client that makes of what it sends or takes: %s", async (_, make, what) => {
    const client = make();
    onTestFinished(async () => (client as pg.Pool).end());
    const opening = postgresStore({ client });
    await expect(opening).rejects.toThrow(
      new RegExp(`^Expected \`client\` to hand over values and rows as they are, got ${what}`),
    );
    await expect(opening).rejects.toThrow(TypeError);
  });

  test("is not used over a connection of a transaction of postgres.js", async () => {
    const sql = postgres(server.url);
    onTestFinished(async () => sql.end());
    const message = /^Expected `client` to be .* got a connection of its `begin` or `reserve`$/;
    await sql.begin(async (client) => expect(postgresStore({ client: client as never })).rejects.toThrow(message));
    const client = await sql.reserve();
    await expect(postgresStore({ client: client as never })).rejects.toThrow(message);
    client.release();
  });

  test("is not said to be away where a transaction of the application has failed", async () => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    onTestFinished(async () => client.end());
    const store = await postgresStore({ client });
    await client.query("BEGIN");
    await client.query("SELECT 1/0").catch(() => {});
    await expect(store.get("k", Date.now())).rejects.toThrow(/^The connection is in a transaction of the application/);
  });

  test("is opened within the deadline while somebody holds a lock on its tables", async () => {
    const owner = new pg.Client({ connectionString: server.url });
    await owner.connect();
    onTestFinished(async () => owner.end());
    await owner.query("BEGIN");
    await owner.query("LOCK TABLE sojourn.version IN ACCESS EXCLUSIVE MODE");
    for (const migrate of [false, true]) {
      const opening = postgresStore({ client: pool, deadline: 200, migrate });
      await expect(opening).rejects.toMatchObject({ code: "store_timeout" });
    }
  });

  test("is refused if its encoding has no place for every text", async () => {
    await server.ask("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    const client = new pg.Pool({ connectionString: server.url.replace(/postgres$/, "latin") });
    onTestFinished(async () => client.end());
    await expect(postgresStore({ client, migrate: true })).rejects.toMatchObject({
      code: "guarantee_unmet",
      message: "Expected the encoding of the database to be UTF8 or SQL_ASCII, got LATIN1",
    });
  });
});
