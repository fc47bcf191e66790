/**
 * A watch while another server takes over: whatever a confirmation covers was told, or it was said that something may have
 * been missed.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { redisStore } from "../../../src/store/redis/index.ts";
import type { Removed } from "../../../src/store/store.ts";
import { freshEntry } from "../support/fresh-entry.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import type { TestClient } from "../support/redis-clients.ts";
import { startCluster } from "../support/redis-cluster.ts";
import { clusterClients, sentinelClients } from "../support/redis-group-clients.ts";
import { startSentinel } from "../support/redis-sentinel.ts";
import { until } from "../support/redis-until.ts";

const SHARDS = 8;

/** What happens to a group, and when it is over. */
interface Takeover {
  happen(): Promise<unknown>;
  over(): Promise<unknown>;
}

/** Removes one entry after the other, before, while and after another server takes over. */
async function watchTakeover(open: () => Promise<TestClient>, shards: number, { happen, over }: Takeover) {
  const clients = [await open(), await open()];
  const stores = await Promise.all(clients.map(async ({ client }) => redisStore({ client, shards })));
  onTestFinished(async () => {
    for (const store of stores) await store.close();
    for (const { close } of clients) await close();
  });
  const [writer, watcher] = stores as [(typeof stores)[0], (typeof stores)[0]];
  const told: (Removed | null)[] = [];
  const link = watcher.watchRemovals!((removed) => told.push(removed));
  let count = 0;
  let nulls = 0;

  /** Whether the removal itself was told, or only that something may have been missed. */
  async function remove(): Promise<"told" | "missed"> {
    const key = `k${++count}`;
    await until("a put", async () => (await writer.put(freshEntry(key), "any", Date.now())).outcome === "stored");
    // It is sent again where the answer was lost: then it can find nothing, and was told before.
    await until("a delete", async () => writer.delete(key, "bye").then(() => true));
    await until("a confirmation", async () => link.confirm().then(() => true));
    const since = told.splice(0);
    const own = since.filter((removed) => removed?.head.key === key);
    const missed = since.filter((removed) => removed === null).length;
    nulls += missed;
    expect(own.length, key).toBeLessThanOrEqual(1);
    expect(own.length + missed, key).toBeGreaterThan(0);
    return own.length === 1 && missed === 0 ? "told" : "missed";
  }

  await until("a link", async () => link.confirm().then(() => true));
  told.length = 0;
  for (let round = 0; round < 20; round++) expect(await remove()).toBe("told");
  const state = { isOver: false };
  const taken = happen()
    .then(over)
    .then(() => (state.isOver = true));
  while (!state.isOver) await remove();
  await taken;
  await until("every shard to be told again", async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < 4 * shards; round++) outcomes.add(await remove());
    return !outcomes.has("missed");
  });
  return { nulls };
}

describe.skipIf(noRedis).each(Object.keys(clusterClients))("on a Cluster, over %s", (library) => {
  test.each(["demoted", "killed"])("a master that is %s", async (what) => {
    const cluster = await startCluster();
    onTestFinished(async () => cluster.stop());
    const [victim, , , replica] = cluster.nodes;
    const { nulls } = await watchTakeover(async () => clusterClients[library]!(cluster), SHARDS, {
      happen: async () => (what === "killed" ? victim!.kill() : ask(replica!.port, "CLUSTER", "FAILOVER")),
      over: async () => cluster.replaced(victim!.port),
    });
    expect(nulls).toBeGreaterThan(0);
  });
});

describe.skipIf(noRedis).each(Object.keys(sentinelClients))("on a Sentinel group, over %s", (library) => {
  test.each(["demoted", "killed"])("a master that is %s", async (what) => {
    const group = await startSentinel();
    onTestFinished(async () => group.stop());
    const [victim, replica] = group.servers;
    const { nulls } = await watchTakeover(async () => sentinelClients[library]!(group), 1, {
      happen: async () => (what === "killed" ? victim.kill() : group.failOver()),
      async over() {
        await group.promoted(replica);
        // Until it is told, the old master is one to whoever is connected to it.
        if (what === "demoted") await group.inSync();
      },
    });
    expect(nulls).toBeGreaterThan(0);
  });
});
