/** What is in Redis: every key has an end, prefixes stand apart, and what Redis has reclaimed breaks nothing. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compareStored, hashSlot, markersOf, shardOf } from "../../../src/store/redis/shards.ts";
import { digits, entryOf, recordOf } from "../../../src/store/redis/record.ts";
import { redisStore } from "../../../src/store/redis/index.ts";
import { toStored } from "../../../src/store/stored-text.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis6, nodeRedis6, type TestClient } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

let server: RedisServer;
let clients: TestClient[];
beforeAll(async () => {
  if (noRedis) return;
  server = await startRedis();
  clients = [await nodeRedis6(server.url), await ioredis6(server.url)];
});
afterAll(async () => {
  for (const { close } of clients ?? []) await close();
  await server?.stop();
});

async function open(prefix: string, shards = 1, which = 0): Promise<Store<"async">> {
  return redisStore({ client: clients[which]!.client, prefix, shards });
}

let revs = 0;
function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const now = Date.now();
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev-${++revs}`, meta: "", value: "v", ...instants, ...parts };
}

const keysOf = async (): Promise<string[]> => (await ask(server.port, "KEYS", "*")) as string[];

describe.skipIf(noRedis)("in Redis", () => {
  test.each([0, 1])("every key has an end, whatever was done (client %d)", async (which) => {
    await ask(server.port, "FLUSHALL");
    const store = await open("ends", 2, which);
    const now = Date.now();
    const check = async (): Promise<void> => {
      for (const key of await keysOf()) expect(await ask(server.port, "PTTL", key), key).toBeGreaterThan(0);
    };
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 20; index++) {
        const lasts = 1_000 * 60 ** (index % 5);
        await store.put(entry(`k${index}`, { owner: `o${index % 3}`, expiresAt: now + lasts }), "any", now);
      }
      await check();
      const one = (await store.get("k1", now))!;
      await store.touch("k1", one.rev, { touchedAt: now, expiresAt: now + 90 * 86_400_000 }, now);
      await store.revokeOwner("o2");
      await check();
      await store.sweep(now + 365 * 86_400_000, 1_000);
      expect(await store.count(0)).toBe(0);
      await check();
      if (round === 1) await ask(server.port, "FLUSHALL");
    }
    await store.close();
  });

  test("the indexes and the marker last at least as long as every entry", async () => {
    await ask(server.port, "FLUSHALL");
    const store = await open("long");
    const now = Date.now();
    await store.put(entry("k", { expiresAt: now + 400 * 86_400_000 }), null, now);
    const lasts = async (name: string): Promise<number> => Number(await ask(server.port, "PTTL", name));
    const least = await lasts("long{0}:e:k");
    for (const name of ["long{0}", "long{0}:x", "long{0}:b", "long{0}:o"])
      expect(await lasts(name)).toBeGreaterThan(least);
    await store.close();
  });

  test("prefixes stand apart, whatever is in them", async () => {
    await ask(server.port, "FLUSHALL");
    const prefixes = ["a", "a{0}", "{a}", "a}{", "a%7b", "a%", "a\0", "a\ud800", "a{0}:e:k", "é😀", " ", "a:e:", "A"];
    const stores = await Promise.all(prefixes.map(async (prefix) => open(prefix, 2)));
    const now = Date.now();
    for (const [index, store] of stores.entries()) {
      await store.put(entry("k", { value: `of ${index}`, owner: "ann" }), null, now);
    }
    for (const [index, store] of stores.entries()) {
      expect((await store.get("k", now))?.value).toBe(`of ${index}`);
      expect(await store.count(now)).toBe(1);
    }
    await stores[0]!.revokeOwner("ann");
    for (const [index, store] of stores.entries()) {
      expect(await store.count(now)).toBe(index === 0 ? 0 : 1);
      await store.close();
    }
  });

  test("what Redis has reclaimed breaks no call", async () => {
    await ask(server.port, "FLUSHALL");
    const store = await open("gone");
    const now = Date.now();
    const made = ["a", "b", "c", "d"].map((key) => entry(key, { owner: "ann", expiresAt: now + 1_000 }));
    for (const each of made) await store.put(each, null, now);
    for (const key of ["a", "b", "c"]) await ask(server.port, "DEL", `gone{0}:e:${key}`);
    const late = now + 2_000;
    expect(await store.count(late)).toBe(0);
    expect((await store.list({ limit: 9 }, now)).items.map(({ key }) => key)).toEqual(["d"]);
    expect((await store.listByOwner("ann", { limit: 9 }, now)).items.map(({ key }) => key)).toEqual(["d"]);
    expect(await store.delete("a")).toBeUndefined();
    // Under the same key, somebody else's entry, that lives.
    await store.put(entry("a", { owner: "bob" }), null, now);
    expect((await store.listByOwner("ann", { limit: 9 }, now)).items.map(({ key }) => key)).toEqual(["d"]);
    expect((await store.sweep(late, 9)).map(({ key }) => key)).toEqual(["d"]);
    expect(await store.revokeOwner("ann")).toEqual([]);
    expect((await store.get("a", now))?.owner).toBe("bob");
    expect(await store.count(late)).toBe(1);
    expect((await store.revokeOwner("bob")).map(({ key }) => key)).toEqual(["a"]);
    expect(await ask(server.port, "ZCARD", "gone{0}:x")).toBe(1);
    expect(await ask(server.port, "ZCARD", "gone{0}:b")).toBe(1);
    expect(await ask(server.port, "ZCARD", "gone{0}:o")).toBe(1);
    await store.close();
  });

  test("keys and owners of any Unicode are told apart", async () => {
    const store = await open("unicode", 3);
    const now = Date.now();
    const texts = [
      "\ud83d",
      "\udca9",
      "\ud83d\udca9",
      "\u{10FFFF}",
      "\u{10FFFF}d83d",
      "\0",
      "a\0b",
      "a",
      "{",
      "}",
      "{x}",
    ];
    for (const text of texts) await store.put(entry(text, { owner: text, meta: text, value: text }), null, now);
    for (const text of texts) {
      expect(await store.get(text, now)).toMatchObject({ key: text, owner: text, meta: text, value: text });
      expect((await store.listByOwner(text, { limit: 9 }, now)).items.map(({ key }) => key)).toEqual([text]);
    }
    expect((await store.list({ limit: 99 }, now)).items).toHaveLength(texts.length);
    await store.close();
  });
});

describe.skipIf(noRedis)("a record that is read again", () => {
  test("is the same entry, with what was made of it, for as long as it is the same record", async () => {
    const store = await open("again");
    const now = Date.now();
    const made = entry("k", { owner: "ann", expiresAt: now + 60_000 });
    await store.put(made, null, now);
    const first = (await store.get("k", now))!;
    expect(Object.isFrozen(first)).toBe(true);
    first.memo!.decoded = "made of it";
    expect(await store.get("k", now)).toBe(first);
    // Asked for as it is now, or past its end, it is not taken from there.
    expect(await store.get("k", now, { fresh: true })).not.toBe(first);
    expect(await store.get("k", now + 60_000)).toBeUndefined();
    await store.touch("k", made.rev, { touchedAt: now, expiresAt: now + 90_000 }, now);
    const touched = (await store.get("k", now))!;
    expect(touched).toMatchObject({ rev: made.rev, expiresAt: now + 90_000, memo: {} });
    await store.put({ ...entry("k"), value: "w" }, made.rev, now);
    expect(await store.get("k", now)).toMatchObject({ value: "w", owner: null });
    await store.delete("k");
    expect(await store.get("k", now)).toBeUndefined();
    await store.close();
  });

  test("is not kept if it is long, or bytes", async () => {
    const store = await open("unkept");
    const now = Date.now();
    await store.put(entry("long", { value: "x".repeat(5_000) }), null, now);
    await store.put(entry("bytes", { value: Uint8Array.of(1, 2, 3) }), null, now);
    expect(await store.get("long", now)).not.toBe(await store.get("long", now));
    const bytes = (await store.get("bytes", now))!.value as Uint8Array;
    bytes[0] = 9;
    expect((await store.get("bytes", now))!.value).toEqual(Uint8Array.of(1, 2, 3));
    await store.close();
  });
});

describe("the layout", () => {
  test("a shard's keys are in one slot, and its slot is what Redis says", () => {
    // From the specification of Redis Cluster, and from CLUSTER KEYSLOT.
    expect(hashSlot("123456789")).toBe(0x31c3);
    expect(hashSlot("{user1000}.following")).toBe(hashSlot("user1000"));
    for (const marker of markersOf("{a}%", 20)) {
      for (const rest of [":x", ":e:{9}", ":e:}{"]) expect(hashSlot(marker + rest)).toBe(hashSlot(marker));
    }
  });

  test("keys are spread evenly over the shards", () => {
    for (const shards of [2, 3, 16, 100]) {
      const counts = Array.from({ length: shards }, () => 0);
      for (let index = 0; index < 1_000 * shards; index++) counts[shardOf(`sess_${index}`, shards)]!++;
      for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(200);
    }
  });

  test("stored texts are compared as Redis compares their bytes", () => {
    const texts = [
      "",
      "a",
      "b",
      "ab",
      "\ue000",
      "\uffff",
      "\u{10000}",
      "\u{1F600}",
      "é",
      "\ud7ff",
      "a\u{10000}",
      "a\uffff",
    ];
    for (const a of texts) {
      for (const b of texts)
        expect(Math.sign(compareStored(a, b)), `${a} ${b}`).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }
  });

  test("a record comes back as it was", () => {
    const values = ["", "text", "a\0b", "\ud800", new Uint8Array(), Uint8Array.from({ length: 20_000 }, (_, i) => i)];
    for (const value of values) {
      for (const text of ["plain", "nul \0", "\u{10FFFF}"]) {
        const { memo: _, ...made } = entry(text, { owner: text, rev: text, meta: text, value, touchedAt: -5 });
        const stored = { owner: toStored(text), rev: toStored(text) };
        expect(entryOf(text, recordOf(made, stored))).toEqual(made);
      }
    }
    expect(digits(Number.MAX_SAFE_INTEGER)).toHaveLength(17);
    expect(digits(Number.MIN_SAFE_INTEGER)).toHaveLength(17);
  });
});
