/** Near caches in four processes on a real Redis: the contract, and how long a session outlives its logout. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import type { Store } from "../../../src/store/store.ts";
import { manualClock, storeContract } from "../../../src/testing/index.ts";
import { redisStore } from "../../../src/store/redis/index.ts";
import { LogoutTrials, type Disturbance } from "./support/logout-trials.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis6 } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { redisStores } from "../support/stores.ts";

describe.skipIf(noRedis).each(redisStores.slice(0, 1))(
  "the store contract: near cache over Redis, $name",
  ({ place }) => {
    const { open, remove } = place();
    afterAll(async () => remove?.());

    for (const { rule, name, needs, run } of storeContract) {
      // What two near caches see of each other can be old; the suites on staleness are about that.
      if (needs === "two stores") continue;
      test(`rule ${rule}: ${name}`, async () => {
        expect(await run(async (options) => nearCache((await open(options)) as Store<"async">))).toBeUndefined();
      });
    }
  },
);

describe.skipIf(noRedis)("a logout that four processes see", () => {
  const MAX_STALE = 200;
  let server: RedisServer;
  let trials: LogoutTrials;
  beforeAll(async () => {
    server = await startRedis();
    trials = await LogoutTrials.start({ on: "redis", port: server.port }, { maxStale: MAX_STALE });
  });
  afterAll(async () => {
    await trials.stop();
    await server.stop();
  });

  test.each<readonly [string, Disturbance, number]>([
    ["", "none", 8],
    [", told over lines that are cut", "cut", 4],
    [", told over lines that are dead", "held", 4],
    [", told over lines that are slow", "late", 4],
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

describe.skipIf(noRedis)("a logout on the new master, while a node still talks to the old one", () => {
  test("lets nobody in there once it is over", async () => {
    // Less than what the store beneath may be out of date.
    const maxStale = 30;
    const [old, current] = [await startRedis(), await startRedis()];
    const clients = [await ioredis6(old.url), await ioredis6(current.url)];
    await ask(current.port, "REPLICAOF", "127.0.0.1", `${old.port}`);
    const isIn = async (): Promise<boolean> => /master_link_status:up/.test(String(await ask(current.port, "INFO")));
    await expect.poll(isIn, { timeout: 10_000 }).toBe(true);
    const left = nearCache(await redisStore({ client: clients[0]!.client }), { maxStale });
    const behind = createSessions({ store: left });
    const { id, token } = await behind.create("ann");
    await expect.poll(async () => ask(current.port, "KEYS", `*${id}`)).toHaveLength(1);
    await ask(current.port, "REPLICAOF", "NO", "ONE");
    const right = nearCache(await redisStore({ client: clients[1]!.client }), { maxStale });
    // Cut off, so that it does not hear of the logout.
    await ask(old.port, "REPLICAOF", "127.0.0.1", "1");
    const asked = { isOver: false, late: [] as unknown[] };
    const asking = (async () => {
      for (let more = 400; more > 0; more -= asked.isOver ? 1 : 0) {
        const wasOver = asked.isOver;
        const answer = await behind.authenticate(token).then(
          (session) => session?.id,
          () => "unavailable",
        );
        if (wasOver) asked.late.push(answer);
      }
    })();
    expect(await createSessions({ store: right }).destroy(id)).toBe(true);
    asked.isOver = true;
    await asking;
    expect(asked.late.length).toBeGreaterThan(100);
    expect(asked.late).not.toContain(id);
    for (const store of [left, right]) await store.close();
    for (const client of clients) await client.close();
    for (const server of [old, current]) await server.stop();
  });
});

describe.skipIf(noRedis)("an extension that one of four nodes makes", () => {
  test("is seen by the others, so that there is one write in a refresh window", async () => {
    const server = await startRedis();
    const clients = await Promise.all(Array.from({ length: 4 }, async () => ioredis6(server.url)));
    const stores = await Promise.all(clients.map(async ({ client }) => nearCache(await redisStore({ client }))));
    const clock = manualClock(Date.now());
    const nodes = stores.map((store) => createSessions({ store, clock }));
    let extensions = 0;
    for (const node of nodes) node.on("refreshed", () => extensions++);
    const { token } = await createSessions({ store: stores[0] as Store<"async">, clock }).create("ann");
    // The second time, every link is proven, and a copy stays.
    for (const node of nodes) await node.authenticate(token);
    await stores[0]?.propagated?.();
    for (const node of nodes) await node.authenticate(token);
    clock.advance("10m");
    const expected = (await nodes[0]?.authenticate(token))?.expiresAt;
    // No copy from before the extension can be served any more.
    await stores[0]?.propagated?.();
    for (const node of nodes) expect((await node.authenticate(token))?.expiresAt).toBe(expected);
    expect(extensions).toBe(1);
    for (const store of stores) await store.close();
    for (const client of clients) await client.close();
    await server.stop();
  });
});
