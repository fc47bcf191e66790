import { readFileSync } from "node:fs";
import type { PGlite } from "@electric-sql/pglite";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { postgresMigrations, postgresStore } from "../../../src/store/postgres/index.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { pgPool, postgresJs } from "../support/postgres-clients.ts";
import { startPglite } from "../support/start-pglite.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

describe("tables", () => {
  let client: PGlite;
  beforeAll(async () => {
    client = await startPglite();
  });
  afterAll(async () => client.close());

  test("that are not there are asked for, not made", async () => {
    await expect(postgresStore({ client })).rejects.toMatchObject({
      code: "store_schema",
      message: expect.stringContaining("migrate") as string,
    });
    await postgresStore({ client, migrate: true });
    await postgresStore({ client });
    await expect(postgresStore({ client, schema: "other" })).rejects.toMatchObject({ code: "store_schema" });
  });

  test("of a later version of the library are refused, unless it says that this one can go on", async () => {
    const schema = "later";
    await postgresStore.migrate(client, { schema });
    await client.query("UPDATE later.version SET version = 99");
    await postgresStore.migrate(client, { schema });
    const store = await postgresStore({ client, schema });
    expect(await store.count(0)).toBe(0);
    await client.query("UPDATE later.version SET oldest = 99");
    const opens = [
      async () => postgresStore({ client, schema }),
      async () => postgresStore.migrate(client, { schema }),
    ];
    for (const open of opens) {
      await expect(open()).rejects.toMatchObject({
        code: "store_schema",
        message: expect.stringContaining("version 99") as string,
      });
    }
  });

  test("whose row of the version is gone are not taken for none", async () => {
    const schema = "versionless";
    await postgresStore.migrate(client, { schema });
    await client.exec("DELETE FROM versionless.version");
    const opens = [
      async () => postgresStore({ client, schema }),
      async () => postgresStore({ client, schema, migrate: true }),
      async () => postgresStore.migrate(client, { schema }),
    ];
    for (const open of opens) {
      await expect(open()).rejects.toMatchObject({
        code: "store_schema",
        message:
          'Expected one row in "versionless".version, got 0: if the tables are those of version 1, run ' +
          'INSERT INTO "versionless".version (version, oldest) VALUES (1, 1)',
      });
    }
    await client.exec('INSERT INTO "versionless".version (version, oldest) VALUES (1, 1)');
    await postgresStore({ client, schema });
    await client.exec("INSERT INTO versionless.version VALUES (1, 1)");
    await expect(postgresStore({ client, schema })).rejects.toThrow(/^Expected one row in .* got 2:/);
  });

  test.each<[string, string]>([
    ["DROP TABLE partial.change", "the table change"],
    ["ALTER TABLE partial.change DROP note", "the column change.note"],
    ["DROP FUNCTION partial.touch_v1", "the function touch_v1"],
    ["DROP TABLE partial.revocation, partial.total", "the table total, the table revocation"],
  ])("of which something is missing are refused by its name: %s", async (statement, missing) => {
    const schema = "partial";
    await postgresStore.migrate(client, { schema });
    onTestFinished(async () => void (await client.exec("DROP SCHEMA partial CASCADE")));
    await client.exec(statement);
    for (const open of [
      async () => postgresStore({ client, schema }),
      async () => postgresStore.migrate(client, { schema }),
    ]) {
      await expect(open()).rejects.toMatchObject({
        code: "store_schema",
        message:
          `Expected all of version 1 in the schema "partial", but missing: ${missing}. Restore what is missing from ` +
          "a backup; or, which loses what it holds, drop the schema and migrate again",
      });
    }
  });

  test.each(["", "Sojourn", "a b", 'a"b', "1a", "x".repeat(64), "pg_sessions", 5 as never])(
    "have no schema %j",
    async (schema) => {
      expect(() => postgresMigrations(schema)).toThrow(TypeError);
      await expect(postgresStore({ client, schema })).rejects.toThrow(/^Expected `schema` to be a name/);
      await expect(postgresStore.migrate(client, { schema })).rejects.toThrow(TypeError);
    },
  );

  test("that a DBA makes by hand are the same, and a second run changes nothing", async () => {
    for (const { sql } of postgresMigrations("by_hand")) await client.exec(`BEGIN; ${sql} COMMIT;`);
    const store = await postgresStore({ client, schema: "by_hand" });
    await store.revokeOwner("ann");
    for (const { sql } of postgresMigrations("by_hand")) {
      await expect(client.exec(`BEGIN; ${sql} COMMIT;`)).rejects.toThrow("already exists");
      await client.exec("ROLLBACK");
    }
    expect((await client.query("SELECT FROM by_hand.revocation")).rows.length).toBe(1);
  });

  test("can be in a schema whose name is a word of SQL", async () => {
    const store = await postgresStore({ client, schema: "user", migrate: true });
    const now = Date.now();
    const made = { key: "k", owner: "ann", rev: "r", meta: "", value: "", createdAt: now, touchedAt: now };
    await store.put({ ...made, expiresAt: now + 60_000 }, null, now);
    expect(await store.touch("k", "r", { touchedAt: now, expiresAt: now + 70_000 }, now)).toBe(true);
    expect((await store.revokeOwner("ann")).map(({ key }) => key)).toEqual(["k"]);
    expect(await store.sweep(now, 10)).toEqual([]);
    expect(await store.count(now)).toBe(0);
    const watch = store.watch!(() => {});
    await watch.confirm();
    await watch.close();
  });

  test("are not made beside a table of the application that has the name of one", async () => {
    await client.exec("CREATE SCHEMA shop; CREATE TABLE shop.entry (id int)");
    await expect(postgresStore.migrate(client, { schema: "shop" })).rejects.toMatchObject({
      code: "store_schema",
      message: expect.stringContaining("give `schema` another name") as string,
    });
  });

  test("are in the guides as SQL", () => {
    const written = readFileSync(new URL("../../../../../docs/stores/postgres-schema.sql", import.meta.url), "utf8");
    expect(written).toContain(
      postgresMigrations()
        .map(({ sql }) => sql)
        .join("\n"),
    );
  });
});

describe.skipIf(noPostgres)("on a server", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => server?.stop());

  test("many processes can migrate at once", async () => {
    const clients = await Promise.all([pgPool, postgresJs, pgPool, postgresJs].map(async (open) => open(server.url)));
    onTestFinished(async () => void (await Promise.all(clients.map(async ({ close }) => close()))));
    await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const { client } = clients[index % clients.length]!;
        const open = async (): Promise<unknown> => postgresStore({ client, migrate: true, deadline: "20s" });
        await (index % 2 === 0 ? postgresStore.migrate(client) : open());
      }),
    );
    expect(await server.ask("SELECT version, oldest FROM sojourn.version")).toEqual([{ version: 1, oldest: 1 }]);
  });

  test("a role needs rights on tables and functions only, and what the guide grants is enough", async () => {
    const guide = readFileSync(new URL("../../../../../docs/stores/postgres.md", import.meta.url), "utf8");
    const grants = guide.match(/^GRANT .*;$/gm) ?? [];
    expect(grants.length).toBe(3);
    await server.ask(`DROP SCHEMA IF EXISTS sojourn CASCADE`);
    const owner = new pg.Pool({ connectionString: server.url });
    await postgresStore.migrate(owner);
    await owner.end();
    await server.ask("CREATE ROLE app LOGIN");
    const client = new pg.Pool({ connectionString: server.url.replace("postgres@", "app@") });
    onTestFinished(async () => client.end());
    await expect(postgresStore({ client })).rejects.toMatchObject({ code: "store_unavailable" });
    for (const grant of grants) await server.ask(grant);
    const store = await postgresStore({ client, maxLag: 10 });
    const told: unknown[] = [];
    const watch = store.watchRemovals!((removed) => told.push(removed?.note));
    await watch.confirm();
    const sessions = createSessions({ store, maxPerUser: { limit: 2, onLimit: "evict-oldest" } });
    const { id, token } = await sessions.create("ann", {});
    await sessions.create("ann", {});
    await sessions.create("ann", {});
    expect(await sessions.authenticate(token)).toBeUndefined();
    expect(await sessions.destroy(id)).toBe(false);
    expect(await sessions.destroyByUser("ann")).toBe(2);
    await sessions.cleanup();
    await watch.confirm();
    expect(told.length).toBe(4);
    await watch.close();
    await store.close();
    await expect(client.query("CREATE TABLE sojourn.mine ()")).rejects.toThrow("permission denied");
    await expect(postgresStore.migrate(client, { schema: "mine" })).rejects.toMatchObject({
      code: "store_unavailable",
    });
  });
});
