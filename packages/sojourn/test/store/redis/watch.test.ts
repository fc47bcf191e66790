/** What others change, and what they remove, is told, and the link proves that it was. Both kinds of watches are held to it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { redisStore, type NodeRedisClient, type RedisPort } from "../../../src/store/redis/index.ts";
import { nodeRedisPort } from "../../../src/store/redis/node-redis.ts";
import type { Entry, Store, Watch } from "../../../src/store/store.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import {
  ioredis5,
  ioredis6,
  nodeRedis5,
  nodeRedis6,
  type OpenClient,
  type TestClient,
} from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const libraries: readonly (readonly [string, OpenClient])[] = [
  ["node-redis 6", nodeRedis6],
  ["node-redis 5", nodeRedis5],
  ["ioredis 6", ioredis6],
  ["ioredis 5", ioredis5],
];

type Told = (key: string | null) => void;
/** How to watch, and which of the keys below are told after a touch, and after an update, a replacement and removals. */
interface Kind {
  watch(store: Store<"async">, told: Told): Watch;
  readonly afterTouch: readonly string[];
  readonly afterOthers: readonly string[];
}
const odd = "b\0😀\ud800";
const kinds: Readonly<Record<string, Kind>> = {
  changes: {
    watch: (store, told) => store.watch!(told),
    afterTouch: ["a"],
    afterOthers: ["a", "a", odd, "c", "c"],
  },
  removals: {
    watch: (store, told) => store.watchRemovals!((removed) => told(removed && removed.head.key)),
    afterTouch: [],
    afterOthers: ["a", odd, "c", "c"],
  },
};
const each = libraries.flatMap(([library, openClient]) =>
  Object.entries(kinds).map(([name, kind]) => [name, library, openClient, kind] as const),
);

let revs = 0;
function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const now = Date.now();
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev-${++revs}`, meta: "", value: "v", ...instants, ...parts };
}

describe.skipIf(noRedis).each(each)("a watch of %s over %s", (_, __, openClient, kind) => {
  let server: RedisServer;
  let clients: TestClient[];
  const opened: { close(): Promise<void> }[] = [];
  beforeAll(async () => {
    server = await startRedis();
    clients = [await openClient(server.url), await openClient(server.url)];
  });
  afterEach(async () => {
    for (const each of opened.splice(0)) await each.close();
  });
  afterAll(async () => {
    for (const client of clients) await client.close();
    await server.stop();
  });

  let prefixes = 0;
  async function pair(shards = 1): Promise<{ writer: Store<"async">; told: (string | null)[]; link: Watch }> {
    const prefix = `w${++prefixes}`;
    const [writer, reader] = await Promise.all(
      clients.map(async ({ client }) => redisStore({ client, prefix, shards })),
    );
    if (writer === undefined || reader === undefined) throw new Error("There must be two stores");
    opened.push(writer, reader);
    const told: (string | null)[] = [];
    const link = kind.watch(reader, (key) => told.push(key));
    await link.confirm();
    told.length = 0;
    return { writer, told, link };
  }

  test.each([1, 4])("is told of what happens to entries, but of no insert, in %d shards", async (shards) => {
    const { writer, told, link } = await pair(shards);
    const [a, b, c] = [entry("a", { owner: "ann" }), entry(odd), entry("c", { owner: "ann" })];
    const now = Date.now();
    for (const each of [a, b, c]) await writer.put(each, null, now);
    await link.confirm();
    expect(told).toEqual([]);
    await writer.touch("a", a.rev, { touchedAt: now, expiresAt: now + 120_000 }, now);
    // It moves nothing any more.
    await writer.touch("a", a.rev, { touchedAt: now, expiresAt: now + 120_000 }, now);
    await link.confirm();
    expect(told.splice(0)).toEqual(kind.afterTouch);
    await writer.put(entry("a", { owner: "ann" }), a.rev, now);
    await writer.put(entry("c", { owner: "ann" }), "any", now);
    await writer.delete(b.key);
    await writer.revokeOwner("ann");
    await link.confirm();
    expect(told.map(String).sort((x, y) => (x < y ? -1 : 1))).toEqual(kind.afterOthers);
  });

  test("a confirmation comes after every change that was acknowledged before it", async () => {
    const { writer, told, link } = await pair(3);
    for (let round = 0; round < 100; round++) {
      await writer.put(entry(`k${round}`), null, Date.now());
      await writer.delete(`k${round}`);
      await link.confirm();
      expect(told.at(-1)).toBe(`k${round}`);
    }
    expect(told).toHaveLength(100);
  });

  test("a connection that is cut is told as everything, and again when the next one listens", async () => {
    const { told, link } = await pair();
    await ask(server.port, "CLIENT", "KILL", "TYPE", "pubsub");
    await expect.poll(() => told).toEqual([null]);
    await link.confirm();
    expect(told).toEqual([null, null]);
  });

  test("a flushed server is told as everything, and the store goes on", async () => {
    const { writer, told, link } = await pair(2);
    await writer.put(entry("k"), null, Date.now());
    await ask(server.port, "FLUSHALL");
    expect(await writer.get("k", Date.now())).toBeUndefined();
    await link.confirm();
    expect(told.length).toBeGreaterThan(0);
    expect(told.every((key) => key === null)).toBe(true);
    told.length = 0;
    await writer.put(entry("k"), null, Date.now());
    expect(await writer.count(Date.now())).toBe(1);
    await link.confirm();
    expect(told).toEqual([]);
  });

  test("a store whose own write finds the server flushed tells it too", async () => {
    const { writer } = await pair();
    const told: unknown[] = [];
    const link = kind.watch(writer, (key) => told.push(key));
    await link.confirm();
    told.length = 0;
    await ask(server.port, "FLUSHALL");
    await writer.put(entry("k"), null, Date.now());
    expect(told).toEqual([null]);
  });

  test("a server that takes no writes confirms nothing", async () => {
    const { link } = await pair();
    await ask(server.port, "REPLICAOF", "127.0.0.1", "1");
    try {
      await expect(link.confirm()).rejects.toMatchObject({ code: "store_unavailable" });
    } finally {
      await ask(server.port, "REPLICAOF", "NO", "ONE");
    }
    await expect.poll(async () => link.confirm().then(() => "confirmed", String)).toBe("confirmed");
  });

  test("a server that is silent confirms nothing", async () => {
    const { client } = clients[0]!;
    const store = await redisStore({ client, prefix: "silent", deadline: 500 });
    opened.push(store);
    const link = kind.watch(store, () => {});
    await link.confirm();
    server.pause();
    try {
      await expect(link.confirm()).rejects.toMatchObject({ code: "store_timeout" });
    } finally {
      server.resume();
    }
  });

  test("nothing is told after it is closed, and its connections are gone", async () => {
    const { writer, told, link } = await pair(2);
    await link.close();
    await link.close();
    await writer.put(entry("k"), null, Date.now());
    await writer.delete("k");
    await expect(link.confirm()).rejects.toMatchObject({ code: "store_closed" });
    expect(told).toEqual([]);
    await expect.poll(async () => await ask(server.port, "CLIENT", "LIST", "TYPE", "pubsub")).toBe("");
  });
});

test.skipIf(noRedis)("a stream that is late, or silent, confirms nothing until it has caught up", async () => {
  const server = await startRedis();
  const { client, close } = await nodeRedis6(server.url);
  const port = nodeRedisPort(client as NodeRedisClient);
  const held: (() => void)[] = [];
  let isHeld = false;
  const slow: RedisPort = {
    ...port,
    listen: async (key, { message, ended }) =>
      port.listen(key, {
        message: (channel, text) => (isHeld ? held.push(() => message(channel, text)) : message(channel, text)),
        ended,
      }),
  };
  const store = await redisStore({ client: slow, deadline: 500 });
  const told: unknown[] = [];
  const link = store.watch!((key) => told.push(key));
  try {
    await link.confirm();
    told.length = 0;
    isHeld = true;
    await store.put(entry("k"), null, Date.now());
    await store.delete("k");
    let isConfirmed = false;
    const confirmed = link.confirm().then(() => (isConfirmed = true));
    // The change and the probe are in the stream; the server has answered long ago.
    await expect.poll(() => held.length).toBe(2);
    expect(isConfirmed).toBe(false);
    isHeld = false;
    for (const release of held) release();
    await confirmed;
    expect(told).toEqual(["k"]);
    isHeld = true;
    await expect(link.confirm()).rejects.toMatchObject({ code: "store_timeout" });
  } finally {
    await store.close();
    await close();
    await server.stop();
  }
});
