/** The store on a Redis Cluster: three masters with a replica each, and its entries on all of them. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisStore } from "../../../src/store/redis/index.ts";
import { storeContract } from "../../../src/testing/index.ts";
import { isFair } from "../../linearizability/level.ts";
import { print } from "../../linearizability/race.ts";
import { races } from "../../linearizability/races.ts";
import { agreeWithModel } from "../support/agree-with-model.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import type { TestClient } from "../support/redis-clients.ts";
import { startCluster, type RedisCluster } from "../support/redis-cluster.ts";
import { clusterClients } from "../support/redis-group-clients.ts";

/** More than there are masters, and no multiple of it. */
const SHARDS = 8;
const MODEL_RUNS = 30;

describe.skipIf(noRedis)("on a Redis Cluster", () => {
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(async () => cluster?.stop());

  describe.each(Object.entries(clusterClients))("%s", (name, open) => {
    const clients: TestClient[] = [];
    beforeAll(async () => void clients.push(await open(cluster), await open(cluster)));
    afterAll(async () => {
      for (const { close } of clients) await close();
    });
    let opened = 0;
    const openStore = async (namespace: string, checkClock: boolean) => {
      const { client } = clients[opened++ % 2] as TestClient;
      return redisStore({ client, prefix: `${name} ${namespace}`, shards: SHARDS, checkClock });
    };

    // The logical clock of the contract runs a day ahead.
    test.each(storeContract.map((each) => [each.rule, each.name, each.run] as const))("rule %d: %s", async (...args) =>
      expect(await args[2](async ({ namespace }) => openStore(namespace, false))).toBeUndefined(),
    );

    test("agrees with the model on every answer", async () =>
      expect(await agreeWithModel(async (namespace) => openStore(namespace, false), MODEL_RUNS)).toBe(MODEL_RUNS));

    test.each(["entries", "sessions"] as const)("races are fair: %s", async (level) => {
      const stores = [await openStore(level, true), await openStore(level, true)];
      const histories = await races(level, stores, 40);
      const foul = histories.find((history) => !isFair(level, history));
      expect(foul && print(foul)).toBeUndefined();
    });
  });

  test.each(Object.entries(clusterClients))("an index that is gone is made again, over %s", async (name, open) => {
    const { client, close } = await open(cluster);
    const prefix = `lost ${name}`;
    const store = await redisStore({ client, prefix, shards: SHARDS, allowEviction: true });
    const now = Date.now();
    const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
    for (let index = 0; index < 100; index++) {
      const rev = `${name} ${index}`;
      await store.put({ key: `k${index}`, owner: "ann", rev, meta: "", ...instants, value: "" }, null, now);
    }
    for (const index of ["o", "b", "x"]) {
      for (let shard = 0; shard < SHARDS; shard++) await onMaster(cluster, `${prefix}{${shard}}:${index}`, "DEL");
      expect(await store.count(now)).toBe(100);
    }
    await onMaster(cluster, `${prefix}{3}:o`, "DEL");
    expect(await store.revokeOwner("ann")).toHaveLength(100);
    await close();
  });

  test("every master has entries, and each call reaches all of them", async () => {
    const { client, close } = await clusterClients["ioredis 6"]!(cluster);
    const store = await redisStore({ client, prefix: "spread", shards: SHARDS });
    const now = Date.now();
    const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
    for (let index = 0; index < 60; index++) {
      await store.put(
        { key: `k${index}`, owner: "ann", rev: `r${index}`, meta: "", ...instants, value: "" },
        null,
        now,
      );
    }
    const sizes = await Promise.all(cluster.nodes.slice(0, 3).map(async ({ port }) => entriesOn(port, "spread")));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(60);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(await store.count(now)).toBe(60);
    expect(await store.revokeOwner("ann")).toHaveLength(60);
    await close();
  });
});

/** Does something on the master that has the key. */
async function onMaster(cluster: RedisCluster, key: string, command: string): Promise<void> {
  const answers = await Promise.all(
    cluster.nodes.map(async ({ port }) => ask(port, command, key).catch((error: Error) => error.message)),
  );
  expect(answers.filter((answer) => answer === 1)).toHaveLength(1);
}

/** How many entries a node has. */
async function entriesOn(port: number, prefix: string): Promise<number> {
  return ((await ask(port, "KEYS", `${prefix}{*}:e:*`)) as readonly string[]).length;
}
