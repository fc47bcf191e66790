/**
 * The same races while Redis drops keys for space, and while a master of a Cluster is demoted. What is dropped is as if
 * somebody had deleted it, at some instant; a demotion is as if nothing had happened.
 */
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { adoptToken } from "../../src/tokens/token.ts";
import { ask } from "../store/support/redis-ask.ts";
import { noRedis } from "../store/support/redis-binary.ts";
import { ioredis6, nodeRedis6 } from "../store/support/redis-clients.ts";
import { startCluster } from "../store/support/redis-cluster.ts";
import { clusterClients } from "../store/support/redis-group-clients.ts";
import { startRedis } from "../store/support/redis-server.ts";
import { until } from "../store/support/redis-until.ts";
import { isFair, type Level } from "./level.ts";
import { openStores } from "./open-store.ts";
import { instant, print, type Call } from "./race.ts";
import { CLIENTS, counted, LONGER, oneRace } from "./races.ts";
import { random } from "./random.ts";

vi.setConfig({ testTimeout: 60_000 * LONGER });

/** What the server drops, beside the record of what a race is about. */
const INDEXES = ["sojourn{0}:x", "sojourn{0}:b", "sojourn{0}:o", "sojourn{0}"] as const;
function recordOf(level: Level, race: number): string {
  return `sojourn{0}:e:${level === "entries" ? `k${race}` : adoptToken(`race ${race}`).id}`;
}

const libraries = Object.entries({ "node-redis 6": nodeRedis6, "ioredis 6": ioredis6 });

describe.skipIf(noRedis).each(libraries)("a server that drops keys: %s", (_, open) => {
  // A session that is dropped is in no answer, so where the sessions of a user are counted only indexes are dropped.
  test.each([
    ["entries", { dropsRecords: true, between: 7 }],
    ["sessions", { dropsRecords: true, between: 7 }],
    // An index has to be there again for a revocation, before the next one is dropped.
    ["revocations", { dropsRecords: false, between: 40 }],
  ] as const)("%s", async (level, { dropsRecords, between }) => {
    const server = await startRedis({ args: ["--maxmemory", "500mb", "--maxmemory-policy", "allkeys-random"] });
    onTestFinished(async () => server.stop());
    const { stores, close } = await openStores(async () => open(server.url), { allowEviction: true, deadline: "5s" });
    onTestFinished(close);
    const { pick, under } = random(7);
    const count = (level === "revocations" ? 20 : 40) * LONGER;
    let dropped = 0;
    for (let race = 0; race < count; race++) {
      const dropping: Promise<unknown>[] = [];
      const drops: Call<unknown, unknown>[] = [];
      /** As a call in the history: it certainly happened, and told nobody what was there. */
      async function dropRecord(): Promise<void> {
        const requested = instant();
        dropped += Number(await ask(server.port, "DEL", recordOf(level, race)));
        const operation = { call: "destroy", mark: "dropped" };
        drops.push({ client: -1, operation, answer: undefined, requested, answered: instant() });
      }
      let left = under(between);
      const racing = stores.map((store) =>
        counted(store, () => {
          if (--left > 0) return;
          left = between;
          dropping.push(dropsRecords && under(2) === 0 ? dropRecord() : ask(server.port, "DEL", pick(INDEXES)));
        }),
      );
      const calls = await oneRace(level, racing, race);
      await Promise.all(dropping);
      expect(calls.every(({ answer }) => answer !== undefined)).toBe(true);
      const history = [...calls, ...drops];
      expect(isFair(level, history, false) ? undefined : print(history)).toBeUndefined();
    }
    expect(dropped > 0).toBe(dropsRecords);
  });
});

const rounds = Array.from({ length: LONGER }, (_, round) => round);
const demotions = Object.keys(clusterClients).flatMap((library) =>
  (["entries", "sessions"] as const).flatMap((level) => rounds.map((round) => [library, level, round] as const)),
);

describe.skipIf(noRedis)("a master of a Cluster that is demoted", () => {
  test.each(demotions)("%s, %s, round %d", async (library, level, round) => {
    const cluster = await startCluster();
    onTestFinished(async () => cluster.stop());
    const options = { shards: 1, deadline: "5s" } as const;
    const { stores, close } = await openStores(async () => clusterClients[library]!(cluster), options);
    onTestFinished(close);
    const port = await cluster.masterOf("sojourn{0}");
    const master = cluster.nodes.findIndex((node) => node.port === port);
    const replica = cluster.nodes[master + 3]!;
    let left = 10 + random(round).under(60);
    let demoted: Promise<unknown> | undefined;
    const racing = stores.map((store) =>
      counted(store, () => {
        if (--left === 0) demoted = ask(replica.port, "CLUSTER", "FAILOVER").then(async () => cluster.replaced(port));
      }),
    );
    const before = await oneRace(level, racing, round);
    expect(demoted).toBeDefined();
    await demoted;
    for (const store of stores) await until("every store to be served", async () => (await store.count(0)) >= 0);
    const after = await oneRace(level, stores, round, CLIENTS);
    expect(after.every(({ answer }) => answer !== undefined)).toBe(true);
    const history = [...before, ...after];
    expect(isFair(level, history) ? undefined : print(history)).toBeUndefined();
  });
});
