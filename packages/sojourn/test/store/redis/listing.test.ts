/** Listings: in the order of creation, each entry once, whatever was created at once or has gone since. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { storage } from "../../../src/kv/index.ts";
import { redisStore } from "../../../src/store/redis/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { freshEntry } from "../support/fresh-entry.ts";
import { noRedis } from "../support/redis-binary.ts";
import { nodeRedis6, type TestClient } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

let server: RedisServer;
let client: TestClient;
let store: Store<"async">;
let prefixes = 0;
beforeAll(async () => {
  if (noRedis) return;
  server = await startRedis();
  client = await nodeRedis6(server.url);
});
afterEach(async () => store?.close());
afterAll(async () => {
  await client?.close();
  await server?.stop();
});

interface Pages {
  readonly keys: readonly string[];
  readonly count: number;
}

/** All pages; something can be done between two of them. */
async function pagesOf(
  prefix: string,
  limit: number,
  between: () => Promise<unknown> = async () => {},
): Promise<Pages> {
  const keys: string[] = [];
  let after: string | undefined;
  for (let count = 1; ; count++) {
    const page = await store.list({ prefix, after, limit }, Date.now());
    expect(page.items.length).toBeLessThanOrEqual(limit);
    keys.push(...page.items.map(({ key }) => key));
    after = page.next;
    if (after === undefined) return { keys, count };
    await between();
  }
}

describe.skipIf(noRedis).each([1, 3])("listings over %d shards", (shards) => {
  const start = async (): Promise<void> => {
    store = await redisStore({ client: client.client, prefix: `list${++prefixes}`, shards });
  };

  test.each([1, 7, 40, 1_000])("go by creation, in pages of %d", async (limit) => {
    await start();
    const now = Date.now();
    // Some of them at once, and in another order than their keys'.
    const instants = [5, 3, 3, 3, 9, 9, 1, -4, 0, 3, 9, 7_000_000_000_000];
    for (const [index, createdAt] of instants.entries()) {
      const key = `${"zyxwvutsrqpo".charAt(index)}é`;
      await store.put(freshEntry(key, { createdAt, owner: index % 2 === 0 ? "ann" : null }), null, now);
    }
    const byCreation = ["sé", "ré", "té", "qé", "wé", "xé", "yé", "zé", "pé", "ué", "vé", "oé"];
    expect((await pagesOf("", limit)).keys).toEqual(byCreation);
  });

  test("go on where they were, when what they came to is gone and others were created at the same time", async () => {
    await start();
    const now = Date.now();
    const keys = Array.from({ length: 300 }, (_, index) => `k${String(index).padStart(3, "0")}`);
    for (const key of keys) await store.put(freshEntry(key, { createdAt: 5 }), null, now);
    const gone = new Set<string>();
    let left = 0;
    const listed = await pagesOf("", 20, async () => {
      const key = keys[20 * left + 19]!;
      await store.delete(key);
      gone.add(key);
      await store.put(freshEntry(`a${left++}`, { createdAt: 5 }), null, now);
    });
    const stayed = keys.filter((key) => !gone.has(key));
    expect(listed.keys.filter((key) => stayed.includes(key)).sort()).toEqual(stayed);
    expect(new Set(listed.keys).size).toBe(listed.keys.length);
  });

  test("list an entry once that changes hands meanwhile", async () => {
    await start();
    const now = Date.now();
    const made = Array.from({ length: 60 }, (_, index) =>
      freshEntry(`k${index}`, { owner: index < 30 ? null : "ann" }),
    );
    for (const entry of made) await store.put(entry, null, now);
    const revs = new Map(made.map(({ key, rev }) => [key, rev]));
    let turn = 0;
    const { keys } = await pagesOf("", 9, async () => {
      for (const { key, createdAt } of made) {
        const owner = ++turn % 2 === 0 ? null : "bob";
        const changed = freshEntry(key, { owner, createdAt: createdAt + turn });
        expect((await store.put(changed, revs.get(key)!, now)).outcome).toBe("stored");
        revs.set(key, changed.rev);
      }
    });
    expect(keys.toSorted()).toEqual(made.map(({ key }) => key).toSorted());
  });

  test("find a prefix among nobody's entries at once, and among others' as well", async () => {
    await start();
    const now = Date.now();
    const names = Array.from({ length: 2_500 }, (_, index) => `s${index}`);
    for (const key of names) await store.put(freshEntry(key, { owner: "ann" }), null, now);
    for (const key of ["kv:b", "kv:a", "kv", "kw", "kv:\u{10FFFF}x"]) await store.put(freshEntry(key), null, now);
    await store.put(freshEntry("kv:owned", { owner: "bob" }), null, now);
    expect((await pagesOf("kv:", 2)).keys.toSorted()).toEqual(["kv:a", "kv:b", "kv:owned", "kv:\u{10FFFF}x"]);
    expect((await pagesOf("s24", 50)).keys.toSorted()).toEqual(
      names.filter((name) => name.startsWith("s24")).toSorted(),
    );
    expect((await pagesOf("none", 50)).keys).toEqual([]);
    await store.revokeOwner("ann");
    await store.revokeOwner("bob");
    // Without owners there is nothing to search.
    expect(await pagesOf("kv:", 50)).toEqual({ keys: ["kv:a", "kv:b", "kv:\u{10FFFF}x"], count: 1 });
  });

  test("page through a key-value storage by prefix", async () => {
    await start();
    const kv = storage.kv({ name: "tokens", namespace: "app", store });
    const names = Array.from({ length: 120 }, (_, index) => `${index % 2 === 0 ? "ann" : "bob"}:${index}`);
    for (const name of names) await kv.put(name, "v");
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await kv.list({ prefix: "ann:", limit: 25, ...(cursor === undefined ? {} : { cursor }) });
      found.push(...page.keys.map(({ name }) => name));
      cursor = page.cursor ?? undefined;
    } while (cursor !== undefined);
    expect(found.toSorted()).toEqual(names.filter((name) => name.startsWith("ann")).toSorted());
  });

  test.each(["x", "b5", "b5 ", "bx y", "b99999999999999999 k", "o", "ok"])("take no cursor like %j", async (after) => {
    await start();
    await expect(store.list({ after, limit: 1 }, 0)).rejects.toThrow(TypeError);
    // With a prefix, one that begins with an o is of the owners' index.
    const prefixed = store.list({ prefix: "k", after, limit: 1 }, 0);
    if (after.startsWith("o")) expect(await prefixed).toEqual({ items: [], next: undefined });
    else await expect(prefixed).rejects.toThrow(TypeError);
  });
});
