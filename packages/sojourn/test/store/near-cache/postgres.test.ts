/** Near caches in four processes on a real Postgres: the contract, and how long a session outlives its logout. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import { postgresStore } from "../../../src/store/postgres/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { manualClock, storeContract } from "../../../src/testing/index.ts";
import { LogoutTrials, type Disturbance } from "./support/logout-trials.ts";
import { noPostgres } from "../support/postgres-binary.ts";
import { startPostgres, type PostgresServer } from "../support/postgres-server.ts";

const MAX_STALE = 200;

describe.skipIf(noPostgres)("near caches over Postgres", () => {
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

  async function open(namespace: string): Promise<Store<"async">> {
    return nearCache(await postgresStore({ client: pool, namespace, deadline: "10s" }));
  }

  describe("the store contract, where what is told has a part in it", () => {
    for (const { rule, name, needs, run } of storeContract.filter((each) => [3, 6, 8, 17].includes(each.rule))) {
      // What two near caches see of each other can be old; the suites on staleness are about that.
      if (needs === "two stores") continue;
      test(`rule ${rule}: ${name}`, async () => {
        expect(await run(async ({ namespace }) => open(namespace))).toBeUndefined();
      });
    }
  });

  describe("a logout that four processes see", () => {
    let trials: LogoutTrials;
    beforeAll(async () => {
      trials = await LogoutTrials.start({ on: "postgres", port: server.port }, { maxStale: MAX_STALE });
    });
    afterAll(async () => trials.stop());

    test.each<readonly [string, Disturbance, number]>([
      ["", "none", 6],
      [", told over lines that are cut", "cut", 3],
      [", told over lines that are dead", "held", 3],
      [", told over lines that are slow", "late", 3],
    ])("lets nobody in after it%s", async (_, disturbance, count) => {
      for (let trial = 0; trial < count; trial++) {
        const { lastCall, isViolated, answers, gets } = await trials.run(disturbance, 20 * trial);
        expect(isViolated).toBe(false);
        expect(lastCall).toBeLessThan(MAX_STALE);
        // Or it would not be about copies.
        expect(gets).toBeLessThan(answers);
      }
    });
  });

  test("an extension that one node makes is seen by the others, so that there is one write in a refresh window", async () => {
    const stores = await Promise.all(Array.from({ length: 3 }, async () => open("extension")));
    const clock = manualClock(Date.now());
    const nodes = stores.map((store) => createSessions({ store, clock }));
    let extensions = 0;
    for (const node of nodes) node.on("refreshed", () => extensions++);
    const { token } = await nodes[0]!.create("ann", {});
    for (let round = 0; round < 2; round++) {
      for (const node of nodes) await node.authenticate(token);
      await stores[0]?.propagated?.();
    }
    clock.advance("10m");
    const expected = (await nodes[0]!.authenticate(token))?.expiresAt;
    await stores[0]?.propagated?.();
    for (const node of nodes) expect((await node.authenticate(token))?.expiresAt).toBe(expected);
    expect(extensions).toBe(1);
    for (const store of stores) await store.close();
  });
});
