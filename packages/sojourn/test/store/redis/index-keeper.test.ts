/** A server that drops keys for space: who has logged out stays out, and an index that is gone is never "nobody". */
import { setTimeout as pause } from "node:timers/promises";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import { redisStore, type NodeRedisClient, type RedisOptions, type RedisPort } from "../../../src/store/redis/index.ts";
import { nodeRedisPort } from "../../../src/store/redis/node-redis.ts";
import type { Duration } from "../../../src/time/duration.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { agreeWithModel } from "../support/agree-with-model.ts";
import { callers, entry as callersEntry, now } from "../support/callers.ts";
import { freshEntry } from "../support/fresh-entry.ts";
import { history } from "../support/history.ts";
import { inTurn } from "../support/in-turn.ts";
import { isLinearizable } from "../support/linearizable.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis6, nodeRedis6 } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

let server: RedisServer;
const closing: (() => Promise<void> | void)[] = [];
beforeEach(async () => {
  if (noRedis) return;
  // It may evict, and need not yet.
  server = await startRedis({ args: ["--maxmemory", "500mb", "--maxmemory-policy", "allkeys-random"] });
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await server?.stop();
});

async function open(options: Partial<RedisOptions> = {}, library = nodeRedis6): Promise<Store<"async">> {
  const { client, close } = await library(server.url);
  closing.push(close);
  const store = await redisStore({ client, allowEviction: true, ...options });
  closing.push(async () => store.close());
  return store;
}

async function openNear(maxStale: Duration = "1m"): Promise<Store<"async">> {
  const near = nearCache(await open(), { maxStale, strict: false });
  closing.push(async () => near.close());
  return near;
}

/** How many records were read at the server. */
async function reads(): Promise<number> {
  return Number(/cmdstat_get:calls=(\d+)/.exec(String(await ask(server.port, "INFO", "commandstats")))?.[1] ?? 0);
}

/** Reads until the near cache answers from a copy. */
async function copied(near: Store<"async">, key: string): Promise<void> {
  const asked = async (): Promise<number> => {
    const before = await reads();
    expect((await near.get(key, Date.now()))?.key).toBe(key);
    return (await reads()) - before;
  };
  await expect.poll(asked).toBe(0);
}

const evict = async (...names: string[]): Promise<unknown> => ask(server.port, "DEL", ...names);
const keysOf = async (): Promise<string[]> => (await ask(server.port, "KEYS", "*")) as string[];

describe.skipIf(noRedis)("an evicted record of which a near cache has a copy", () => {
  test.each<readonly [string, (store: Store<"async">, there: Entry) => Promise<unknown>]>([
    ["a delete", async (store, { key }) => store.delete(key)],
    ["a revocation", async (store, { owner }) => store.revokeOwner(String(owner))],
    ["a new entry under its key", async (store, { key }) => store.put(freshEntry(key), "any", Date.now())],
    ["an insert", async (store, { key }) => store.put(freshEntry(key), null, Date.now())],
  ])("is dropped by %s on another node", async (_, end) => {
    const [near, other] = [await openNear(), await open()];
    const there = freshEntry("k", { owner: "ann" });
    await other.put(there, null, Date.now());
    await copied(near, "k");
    await evict("sojourn{0}:e:k");
    expect((await near.get("k", Date.now()))?.rev).toBe(there.rev);
    await end(other, there);
    await expect.poll(async () => (await near.get("k", Date.now()))?.rev).not.toBe(there.rev);
  });
});

const INDEXES = ["x", "b", "o"] as const;
type OnRemoved = Parameters<NonNullable<Store<"async">["watchRemovals"]>>[0];

describe.skipIf(noRedis).each([1, 3])("an index that is gone, in %d shards", (shards) => {
  const namesOf = (parts: readonly string[]): string[] =>
    Array.from({ length: shards }, (_, shard) => parts.map((part) => `sojourn{${shard}}${part}`)).flat();
  const lost: readonly (readonly [string, readonly string[]])[] = [
    ...INDEXES.map((index) => [`:${index}`, [`:${index}`]] as const),
    ["all three", [":x", ":b", ":o"]],
    ["the marker", [""]],
    ["the marker and the owners", ["", ":o"]],
    ["all but the records", ["", ":x", ":b", ":o"]],
  ];

  test.each(lost)("is not nobody: %s", async (_, parts) => {
    const store = await open({ shards });
    const now = Date.now();
    const all = Array.from({ length: 60 }, (__, index) => freshEntry(`k${index}`, { owner: `o${index % 3}` }));
    for (const each of all) await store.put(each, null, now);
    const keys = all.map(({ key }) => key).sort();
    const calls: readonly (readonly [string, () => Promise<unknown>, unknown])[] = [
      ["count", async () => store.count(now), 60],
      ["list", async () => (await store.list({ limit: 99 }, now)).items.map(({ key }) => key).sort(), keys],
      ["listByOwner", async () => (await store.listByOwner("o1", { limit: 99 }, now)).items.length, 20],
      ["revokeOwner", async () => (await store.revokeOwner("o2")).length, 20],
      ["sweep", async () => (await store.sweep(now + 120_000, 99)).length, 40],
    ];
    for (const [name, call, answer] of calls) {
      await evict(...namesOf(parts));
      expect(await call(), name).toEqual(answer);
    }
    for (const key of await keysOf()) expect(await ask(server.port, "PTTL", key), key).toBeGreaterThan(0);
  });

  test("is not nobody after a login that had to make it", async () => {
    const store = await open({ shards });
    const now = Date.now();
    for (let index = 0; index < 30; index++) await store.put(freshEntry(`k${index}`, { owner: "ann" }), null, now);
    await evict(...namesOf([":o"]));
    for (let index = 30; index < 40; index++) await store.put(freshEntry(`k${index}`, { owner: "ann" }), null, now);
    expect(await store.revokeOwner("ann")).toHaveLength(40);
    expect(await store.count(now)).toBe(0);
  });

  test("leaves every answer as it is", async () => {
    const { client, close } = await ioredis6(server.url);
    closing.push(close);
    let calls = 0;
    const losing = (prefix: string, store: Store<"async">): Store<"async"> =>
      new Proxy(store, {
        get(target, name) {
          // That something may be missing is said then; everything is told all the same.
          if (name === "watchRemovals")
            return (onRemoved: OnRemoved) => target.watchRemovals!((one) => one && onRemoved(one));
          const call = Reflect.get(target, name) as unknown;
          if (typeof call !== "function" || name === "close" || name === "begin") return call;
          return async (...args: unknown[]) => {
            if (++calls % 3 === 0) {
              const index = INDEXES[(calls / 3) % 3]!;
              await evict(...Array.from({ length: shards }, (_, shard) => `${prefix}{${shard}}:${index}`));
            }
            return Reflect.apply(call, target, args) as unknown;
          };
        },
      });
    const openLosing = async (prefix: string): Promise<Store<"async">> =>
      losing(prefix, await redisStore({ client, prefix, shards, allowEviction: true, checkClock: false }));
    expect(await agreeWithModel(openLosing, 10)).toBe(10);
  });
});

test.skipIf(noRedis)("calls at once are one after the other to everybody, while indexes are dropped", async () => {
  const clients = [await nodeRedis6(server.url), await ioredis6(server.url)];
  for (const { close } of clients) closing.push(close);
  let races = 0;
  const property = fc.asyncProperty(callers, async (all) => {
    const prefix = `race-${++races}`;
    const options = { prefix, allowEviction: true, checkClock: false };
    const stores = await Promise.all(clients.map(async ({ client }) => redisStore({ client, ...options })));
    const seen = history(inTurn(stores));
    for (const key of ["a", "b"]) {
      await seen.make({ call: "put", entry: callersEntry(key, `s-${key}`, { owner: "ann" }), expected: null, now });
    }
    const progress = { isOver: false };
    const dropping = (async () => {
      for (let turn = 0; !progress.isOver; turn++) {
        await evict(`${prefix}{0}:${INDEXES[turn % 3]!}`);
        // Time enough to make it again.
        await pause(20);
      }
    })();
    try {
      await Promise.all(all.map(async ({ work }, id) => work(seen, id)));
    } finally {
      progress.isOver = true;
      await dropping;
    }
    expect(isLinearizable(seen.calls)).toBe(true);
    for (const store of stores) await store.close();
  });
  await fc.assert(property, { numRuns: 40 });
});

describe.skipIf(noRedis)("while the indexes are made again", () => {
  test("a revocation has not been numbered: number and removals are one step", async () => {
    const { client, close } = await nodeRedis6(server.url);
    closing.push(close);
    const port = nodeRedisPort(client as NodeRedisClient);
    const numbered: unknown[] = [];
    const send: RedisPort["send"] = async (key, command) =>
      port.send(key, command).catch(async (error: Error) => {
        if (error.message.includes("SOJOURNINDEX")) numbered.push(await ask(server.port, "EXISTS", "sojourn{0}:r:ann"));
        throw error;
      });
    const store = await redisStore({ client: { ...port, send }, allowEviction: true });
    await store.put(freshEntry("k", { owner: "ann" }), null, Date.now());
    await evict("sojourn{0}:o");
    expect(await store.revokeOwner("ann")).toHaveLength(1);
    expect(numbered).toEqual([0]);
  });

  test("entries come and go, and all that are there are found", async () => {
    const store = await open();
    const now = Date.now();
    const live = new Set<string>();
    const login = async (key: string): Promise<void> => {
      await store.put(freshEntry(key, { owner: "ann" }), null, now);
      live.add(key);
    };
    for (let index = 0; index < 2_500; index++) await login(`k${index}`);
    await evict("sojourn{0}:o", "sojourn{0}:b");
    const counted = store.list({ limit: 1 }, now);
    for (let index = 0; index < 200; index++) {
      await login(`new${index}`);
      await store.delete(`k${7 * index}`);
      live.delete(`k${7 * index}`);
      await store.put(freshEntry(`k${7 * index + 1}`, { owner: "bob" }), "any", now);
      live.delete(`k${7 * index + 1}`);
    }
    await counted;
    const revoked = (await store.revokeOwner("ann")).map(({ key }) => key);
    expect(revoked.sort()).toEqual([...live].sort());
    expect(await store.count(now)).toBe(200);
    expect(await store.revokeOwner("bob")).toHaveLength(200);
  });

  test("a store that connects waits for it", async () => {
    const store = await open();
    for (let index = 0; index < 1_200; index++) {
      await store.put(freshEntry(`k${index}`, { owner: "ann" }), null, Date.now());
    }
    await evict("sojourn{0}", "sojourn{0}:o");
    const second = await open({}, ioredis6);
    expect(await ask(server.port, "ZCARD", "sojourn{0}:o")).toBe(1_201);
    expect(await second.revokeOwner("ann")).toHaveLength(1_200);
  });
});

describe.skipIf(noRedis).each(["allkeys-random", "allkeys-lru", "volatile-random", "volatile-ttl"])(
  "a full server with %s",
  (policy) => {
    test("lets nobody in who was logged out", async () => {
      await server.stop();
      server = await startRedis({ args: ["--maxmemory", "6mb", "--maxmemory-policy", policy] });
      const [near, other] = [await openNear("1s"), await open()];
      const made: Entry[] = [];
      const evicted = async (): Promise<number> =>
        Number(/evicted_keys:(\d+)/.exec(String(await ask(server.port, "INFO", "stats")))?.[1]);
      // Until so many are dropped that it may be any key.
      for (let index = 0; (await evicted()) < 1_500 && index < 200; index++) {
        const some = Array.from({ length: 100 }, (_, n) => {
          const owner = `o${n % 10}`;
          return freshEntry(`k${index}.${n}`, { owner, value: "x".repeat(600) });
        });
        made.push(...some);
        // A revocation that finds an index gone can take longer than its deadline, and is then repeated.
        await Promise.all(some.map(async (each) => other.put(each, null, Date.now())));
        for (const { key } of some) await near.get(key, Date.now());
      }
      expect(await evicted()).toBeGreaterThanOrEqual(1_500);
      for (let owner = 0; owner < 10; owner++) {
        await expect
          .poll(async () => other.revokeOwner(`o${owner}`).then(() => "revoked", String), { timeout: 20_000 })
          .toBe("revoked");
      }
      const there = await Promise.all(made.map(async ({ key }) => other.get(key, Date.now())));
      expect(there.filter((entry) => entry !== undefined)).toEqual([]);
      // Also those of records that no index knew of any more: a near cache drops everything when an index was made again.
      const copies = async (): Promise<number> =>
        (await Promise.all(made.map(async ({ key }) => near.get(key, Date.now())))).filter(Boolean).length;
      await expect.poll(copies, { timeout: 20_000 }).toBe(0);
    }, 60_000);
  },
);
