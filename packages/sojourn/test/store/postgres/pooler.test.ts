/** Everything works where a connection is lent for one transaction only, and nothing is kept in it. */
import pg from "pg";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { isFair } from "../../linearizability/level.ts";
import { print } from "../../linearizability/race.ts";
import { races } from "../../linearizability/races.ts";
import { postgresStore, type PostgresOptions } from "../../../src/store/postgres/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { storeContract } from "../../../src/testing/index.ts";
import { startPgbouncer, type Pgbouncer } from "../support/pgbouncer.ts";
import { noPgbouncer } from "../support/postgres-binary.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

/** How many connections the pooler has: fewer than there are clients. */
const CONNECTIONS = 4;

async function open(client: PostgresOptions["client"], namespace: string): Promise<Store<"async">> {
  return postgresStore({ client, namespace, deadline: "10s" });
}

describe.skipIf(noPgbouncer)("behind PgBouncer in transaction mode", () => {
  let server: PostgresServer;
  let pooler: Pgbouncer;
  let pool: pg.Pool;
  let sql: ReturnType<typeof postgres>;
  beforeAll(async () => {
    server = await startPostgres();
    pooler = await startPgbouncer(server, CONNECTIONS);
    pool = new pg.Pool({ connectionString: pooler.url, max: 12 });
    sql = postgres(pooler.url, { max: 12, prepare: false, onnotice: () => {} });
    await postgresStore.migrate(pool);
  });
  afterAll(async () => {
    await pool?.end();
    await sql?.end();
    await pooler?.stop();
    await server?.stop();
  });

  describe("the store contract, where a connection could have a part in it", () => {
    const cases = storeContract.filter(({ rule }) => [4, 8, 12, 14, 15, 17].includes(rule));
    for (const [index, { rule, name, run }] of cases.entries()) {
      test(`rule ${rule}: ${name}`, async () =>
        expect(await run(async ({ namespace }) => open(index % 2 === 0 ? pool : sql, namespace))).toBeUndefined());
    }
  });

  test.each(["entries", "sessions", "revocations"] as const)("races fit one order: %s", async (level) => {
    const clients = Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? pool : sql));
    const stores = await Promise.all(clients.map(async (client) => open(client, `races ${level}`)));
    const foul = (await races(level, stores, 15)).find((history) => !isFair(level, history, false));
    expect(foul && print(foul)).toBeUndefined();
    for (const store of stores) await store.close();
  });

  test("prepared statements are a fault that says what to do", async () => {
    const prepared = new pg.Pool({ connectionString: pooler.url, max: 12 });
    onTestFinished(async () => prepared.end());
    const faults: string[] = [];
    const store = postgresStore({ client: prepared, prepare: true, deadline: "10s" });
    await store.catch((error: unknown) => faults.push(String(error)));
    if (faults.length === 0) {
      const opened = await store;
      // Look-ups at once would be one statement.
      const touches = Array.from({ length: 60 }, async () =>
        opened.touch("k", "r", { touchedAt: 0, expiresAt: 1 }, 0).catch((error: unknown) => faults.push(String(error))),
      );
      await Promise.all(touches);
    }
    expect(faults.length).toBeGreaterThan(0);
    for (const fault of faults) expect(fault).toContain("set `prepare: false`");
  });
});
