/** Every entry that goes is told, with its head and what its remover gave along, to every node, its own one too. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisStore, type NodeRedisClient, type RedisOptions, type RedisPort } from "../../../src/store/redis/index.ts";
import { nodeRedisPort } from "../../../src/store/redis/node-redis.ts";
import type { Entry, Head, Removed, Store, Watch } from "../../../src/store/store.ts";
import { freshEntry } from "../support/fresh-entry.ts";
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
import { startProxy } from "../support/redis-proxy.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const libraries: readonly (readonly [string, OpenClient])[] = [
  ["node-redis 6", nodeRedis6],
  ["node-redis 5", nodeRedis5],
  ["ioredis 6", ioredis6],
  ["ioredis 5", ioredis5],
];

let server: RedisServer;
beforeAll(async () => {
  // It may evict, and need not.
  if (!noRedis) server = await startRedis({ args: ["--maxmemory", "500mb", "--maxmemory-policy", "allkeys-random"] });
});
afterAll(async () => server?.stop());

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function openPort(client: RedisOptions["client"], options: Partial<RedisOptions> = {}): Promise<Store<"async">> {
  const store = await redisStore({ client, allowEviction: true, ...options });
  closing.push(async () => store.close());
  return store;
}

async function open(options: Partial<RedisOptions> = {}, library = nodeRedis6, url = server.url) {
  const { client, close } = await library(url);
  closing.push(close);
  return openPort(client, options);
}

/** Listens, from when the link stands. */
async function listen(store: Store<"async">): Promise<{ told: (Removed | null)[]; link: Watch }> {
  const told: (Removed | null)[] = [];
  const link = store.watchRemovals!((removed) => told.push(removed));
  closing.push(async () => link.close());
  await link.confirm();
  told.length = 0;
  return { told, link };
}

function headOf({ key, owner, rev, meta, createdAt, touchedAt, expiresAt }: Entry): Head {
  return { key, owner, rev, meta, createdAt, touchedAt, expiresAt };
}

const byKey = (removed: readonly (Removed | null)[]): readonly (Removed | null)[] =>
  removed.toSorted((a, b) => (a!.head.key < b!.head.key ? -1 : 1));

let prefixes = 0;
const newPrefix = (): string => `g${++prefixes}`;

describe.skipIf(noRedis).each(libraries)("a watch of removals over %s", (_, library) => {
  let clients: TestClient[];
  beforeAll(async () => {
    clients = [await library(server.url), await library(server.url)];
  });
  afterAll(async () => {
    for (const { close } of clients) await close();
  });

  test.each([1, 4])("is told of every way that an entry goes, on every node, in %d shards", async (shards) => {
    const options = { prefix: newPrefix(), shards };
    const stores = await Promise.all(clients.map(async ({ client }) => openPort(client, options)));
    const [one, two] = stores as [Store<"async">, Store<"async">];
    const watches = [await listen(one), await listen(two), await listen(two)];
    const now = Date.now();
    async function expectTold(...expected: readonly Removed[]): Promise<void> {
      for (const { told, link } of watches) {
        await link.confirm();
        expect(byKey(told.splice(0))).toEqual(expected);
      }
    }
    const parts = { owner: "ann\ud800", meta: 'a "meta" 😀\0', value: "x".repeat(5_000) };
    const made = (key: string): Entry => freshEntry(key, parts);
    const [a, b, c, d, e] = [made("a"), made("b\0😀\udc00"), made("c"), made("d"), made("e")];
    for (const each of [a, b, c, d, e]) await one.put(each, null, now);
    await one.touch("a", a.rev, { touchedAt: now + 5, expiresAt: now + 90_000 }, now);
    await one.put(freshEntry("a", { ...parts, createdAt: a.createdAt, touchedAt: now, rev: "changed" }), a.rev, now);
    // What comes, is touched or is changed has not gone.
    await expectTold();

    await one.delete(b.key, "logout 1764000000000");
    await one.delete(b.key, "again");
    await expectTold({ head: headOf(b), note: "logout 1764000000000" });
    await two.put(freshEntry("c"), "any", now);
    await expectTold({ head: headOf(c), note: "replaced" });
    await two.revokeOwner(parts.owner, "e", "revoked!");
    const changed = { ...headOf(a), rev: "changed", touchedAt: now + 5, expiresAt: now + 90_000 };
    await expectTold({ head: changed, note: "revoked!" }, { head: headOf(d), note: "revoked!" });
    await one.delete("c");
    for (const { told, link } of watches) {
      await link.confirm();
      expect(told.splice(0)).toMatchObject([{ head: { key: "c" }, note: "" }]);
    }
    expect(await one.sweep(e.expiresAt, 9)).toEqual([headOf(e)]);
    await expectTold({ head: headOf(e), note: "" });
    // What had expired, and makes way for what comes.
    const old = freshEntry("f", { expiresAt: now + 1 });
    await one.put(old, null, now);
    await one.put(freshEntry("f"), null, now + 1);
    await expectTold({ head: headOf(old), note: "" });
  });

  test("is told what a put reclaims on its way, each once", async () => {
    const prefix = newPrefix();
    const [one, two] = await Promise.all(clients.map(async ({ client }) => openPort(client, { prefix })));
    const { told, link } = await listen(two!);
    const now = Date.now();
    for (let n = 0; n < 20; n++) await one!.put(freshEntry(`old${n}`, { expiresAt: now + 1 }), null, now);
    const answered: string[] = [];
    for (let n = 0; n < 20; n++) {
      const put = await one!.put(freshEntry(`new${n}`), null, now + 1);
      if (put.outcome === "stored") answered.push(...put.removed.map(({ key }) => key));
    }
    await link.confirm();
    expect(answered).toHaveLength(20);
    expect(told.map((removed) => `${removed?.head.key}${removed?.note}`)).toEqual(answered);
  });

  test("tells those who watch changes what it told them before", async () => {
    const prefix = newPrefix();
    const [one, two] = await Promise.all(clients.map(async ({ client }) => openPort(client, { prefix })));
    const changes: (string | null)[] = [];
    const watch = two!.watch!((key) => changes.push(key));
    closing.push(async () => watch.close());
    await watch.confirm();
    const removals = await listen(two!);
    changes.length = 0;
    const entry = freshEntry("k", { owner: "ann" });
    await one!.put(entry, null, Date.now());
    await one!.touch("k", entry.rev, { touchedAt: Date.now(), expiresAt: Date.now() + 90_000 }, Date.now());
    await one!.delete("k", "bye");
    await one!.delete("k", "bye");
    await Promise.all([watch.confirm(), removals.link.confirm()]);
    expect(changes).toEqual(["k", "k", "k", "k"]);
    expect(removals.told.map((removed) => removed?.note)).toEqual(["bye"]);
  });
});

describe.skipIf(noRedis)("a removal", () => {
  test("has been told once the confirmation that began after it is there", async () => {
    const prefix = newPrefix();
    const [writer, reader] = [await open({ prefix, shards: 3 }), await open({ prefix, shards: 3 }, ioredis6)];
    const { told, link } = await listen(reader);
    for (let round = 0; round < 200; round++) {
      await writer.put(freshEntry(`k${round}`), null, Date.now());
      await writer.delete(`k${round}`, `${round}`);
      await link.confirm();
      expect(told.at(-1)).toMatchObject({ head: { key: `k${round}` }, note: `${round}` });
    }
    expect(told).toHaveLength(200);
  });

  test("of more than one step tells each of the user's sessions once", async () => {
    const store = await open({ prefix: newPrefix() });
    const { told, link } = await listen(store);
    const keys = Array.from({ length: 2_500 }, (_, n) => `k${n}`);
    await Promise.all(keys.map(async (key) => store.put(freshEntry(key, { owner: "ann" }), null, Date.now())));
    expect(await store.revokeOwner("ann", undefined, "all")).toHaveLength(2_500);
    await link.confirm();
    expect(told).toHaveLength(2_500);
    expect(new Set(told.map((removed) => removed?.head.key))).toEqual(new Set(keys));
    expect(new Set(told.map((removed) => removed?.note))).toEqual(new Set(["all"]));
  });

  test("that the client sends again is told once", async () => {
    const { client, close } = await nodeRedis6(server.url);
    closing.push(close);
    const port = nodeRedisPort(client as NodeRedisClient);
    const resending: RedisPort = {
      ...port,
      resends: true,
      async send(key, command) {
        const reply = await port.send(key, command);
        return command[0] === "EVALSHA" ? port.send(key, command) : reply;
      },
    };
    const store = await openPort(resending, { prefix: newPrefix() });
    const { told, link } = await listen(store);
    const now = Date.now();
    for (const key of ["a", "b", "c"]) await store.put(freshEntry(key, { owner: "ann" }), null, now);
    expect((await store.delete("a", "gone"))?.key).toBe("a");
    await store.put(freshEntry("b"), "any", now);
    expect(await store.revokeOwner("ann", undefined, "all")).toHaveLength(1);
    await link.confirm();
    expect(told.map((removed) => [removed?.head.key, removed?.note])).toEqual([
      ["a", "gone"],
      ["b", "replaced"],
      ["c", "all"],
    ]);
  });

  test("takes a note of 64 printable characters, and refuses another one before anything is sent", async () => {
    const store = await open({ prefix: newPrefix() });
    const { told, link } = await listen(store);
    await store.put(freshEntry("k", { owner: "ann" }), null, Date.now());
    for (const note of ["x".repeat(65), "é", "\n", "\0", 5, null]) {
      await expect(store.delete("k", note as string)).rejects.toThrow(/note of at most 64 characters/);
      await expect(store.revokeOwner("ann", "", note as string)).rejects.toThrow(TypeError);
    }
    await store.delete("k", "~".repeat(64));
    await link.confirm();
    expect(told.map((removed) => removed?.note)).toEqual(["~".repeat(64)]);
  });
});

describe.skipIf(noRedis)("a live entry that Redis has dropped by itself", () => {
  test.each<readonly [string, (store: Store<"async">) => Promise<unknown>]>([
    ["a delete", async (store) => store.delete("k")],
    ["a revocation", async (store) => store.revokeOwner("ann")],
    ["an insert under its key", async (store) => store.put(freshEntry("k"), null, Date.now())],
  ])("is missed, which %s finds out once", async (_, end) => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    await store.put(freshEntry("k", { owner: "ann" }), null, Date.now());
    await store.put(freshEntry("other"), null, Date.now());
    const { told, link } = await listen(store);
    await ask(server.port, "DEL", `${prefix}{0}:e:k`);
    await end(store);
    await link.confirm();
    expect(told.splice(0)).toEqual([null]);
    // Of what never was there, nothing is told.
    await store.delete("k");
    await store.delete("none");
    await store.revokeOwner("ann");
    await link.confirm();
    expect(told.filter((removed) => removed === null)).toEqual([]);
  });

  test("is told beside one that was found out before", async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    for (const key of ["a", "b"]) await store.put(freshEntry(key, { owner: "ann" }), null, Date.now());
    const { told, link } = await listen(store);
    await ask(server.port, "DEL", `${prefix}{0}:e:a`, `${prefix}{0}:e:b`);
    await store.delete("b");
    await store.revokeOwner("ann");
    await link.confirm();
    expect(told).toEqual([null, null]);
  });

  test("is not told when its index is cleared: its time was up", async () => {
    const prefix = newPrefix();
    const store = await open({ prefix });
    const now = Date.now();
    await store.put(freshEntry("k", { expiresAt: now + 1 }), null, now);
    const { told, link } = await listen(store);
    await ask(server.port, "DEL", `${prefix}{0}:e:k`);
    expect(await store.sweep(now + 1, 9)).toEqual([]);
    await link.confirm();
    expect(told).toEqual([]);
  });
});

describe.skipIf(noRedis)("messages of others", () => {
  test("that cannot be read mean that something was missed", async () => {
    const prefix = newPrefix();
    const { told, link } = await listen(await open({ prefix }));
    const whole = `note\0key\0t${"0".repeat(51)}rev\0\0\0`;
    const messages = [
      `${whole}more`,
      "",
      "note",
      "note\0",
      "note\0key\0",
      "note\0key\0trev\0owner\0",
      "\0k\0x\0\0\0",
      "\0\0\0\0\0\0\0\0\0",
    ];
    for (const message of messages) await ask(server.port, "PUBLISH", `${prefix}{0}:g`, message);
    await link.confirm();
    expect(told).toEqual(messages.map(() => null));
  });
});

describe.skipIf(noRedis)("a line of a watch of removals", () => {
  let watcher: Store<"async">;
  let writer: Store<"async">;
  let line: Awaited<ReturnType<typeof startProxy>>;
  beforeEach(async () => {
    line = await startProxy(server.port);
    closing.push(async () => line.stop());
    const prefix = newPrefix();
    watcher = await open({ prefix, deadline: 500 }, nodeRedis6, line.url);
    writer = await open({ prefix });
  });

  test("that is held confirms nothing, and tells all in order once it is let go", async () => {
    const { told, link } = await listen(watcher);
    line.hold("to client");
    for (const key of ["a", "b", "c"]) {
      await writer.put(freshEntry(key), null, Date.now());
      await writer.delete(key, "held");
    }
    await expect(link.confirm()).rejects.toMatchObject({ code: "store_timeout" });
    expect(told).toEqual([]);
    line.mend();
    await expect.poll(async () => link.confirm().then(() => "confirmed", String)).toBe("confirmed");
    expect(told.map((removed) => removed?.head.key)).toEqual(["a", "b", "c"]);
  });

  test("that is cut says so at once, and again when another one listens", async () => {
    const { told, link } = await listen(watcher);
    line.cut();
    await expect.poll(() => told).toEqual([null]);
    await writer.put(freshEntry("missed"), null, Date.now());
    await writer.delete("missed");
    await expect(link.confirm()).rejects.toMatchObject({ code: expect.stringMatching(/^store_/) });
    line.mend();
    await expect.poll(async () => link.confirm().then(() => "confirmed", String), { timeout: 5_000 }).toBe("confirmed");
    expect(told).toEqual([null, null]);
    await writer.put(freshEntry("seen"), null, Date.now());
    await writer.delete("seen");
    await link.confirm();
    expect(told.slice(2).map((removed) => removed?.head.key)).toEqual(["seen"]);
  });
});
