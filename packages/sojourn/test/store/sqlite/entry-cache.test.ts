import { readdirSync, readlinkSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { nothingToWatch } from "../../../src/store/sqlite/change-watch.ts";
import { entryCache } from "../../../src/store/sqlite/entry-cache.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { entry, now, testFile } from "./support/folder.ts";

/** A cache of two entries over a count of changes that goes where it is told to. */
function followed(onItsWay: (changes: number) => readonly string[] | undefined) {
  let current = 1;
  const watch = { ...nothingToWatch, changed: () => true };
  const cache = entryCache({ max: 10, watch, changes: () => current, onItsWay });
  cache.get("any");
  for (const key of ["a", "b"]) cache.keep(entry(key));
  return { cache, commit: (count = 1) => (current += count), held: () => ["a", "b"].filter((key) => cache.get(key)) };
}

const cacheOf = (max: number): ReturnType<typeof entryCache> =>
  entryCache({ max, watch: nothingToWatch, changes: () => 0 });

const commits = ["each", "grouped"] as const;

describe.each(commits)("commit: %s", (commit) => {
  async function opened(path = testFile()): Promise<{ store: Store; path: string }> {
    const store: Store = sqliteStore({ path, commit } as { path: string });
    await store.put(entry("a", { owner: "ann" }), null, now);
    await store.put(entry("b", { owner: "bob" }), null, now);
    return { store, path };
  }

  test("a repeated get answers with the same frozen entry, until that entry changes", async () => {
    const { store } = await opened();
    const first = await store.get("a", now);
    expect(Object.isFrozen(first)).toBe(true);
    first!.memo!.decoded = "kept";
    expect(await store.get("a", now)).toBe(first);
    await store.put(entry("c"), null, now);
    await store.touch("b", (await store.get("b", now))!.rev, { touchedAt: now + 1, expiresAt: now + 99_000 }, now);
    expect(await store.get("a", now)).toBe(first);
    await store.touch("a", first!.rev, { touchedAt: now + 1, expiresAt: now + 99_000 }, now);
    expect(await store.get("a", now)).toMatchObject({ expiresAt: now + 99_000, memo: {} });
    expect((await store.get("a", now))?.memo?.decoded).toBeUndefined();
    expect(first!.expiresAt).toBe(now + 60_000);
    await store.close();
  });

  test("what another connection commits is seen by the next get", async () => {
    const { store, path } = await opened();
    const other = sqliteStore({ path });
    for (let round = 0; round < 20; round++) {
      const there = await store.get("a", now);
      expect(await store.get("a", now)).toBe(there);
      other.put(entry("a", { owner: "ann", value: `round ${round}` }), there!.rev, now);
      expect((await store.get("a", now))?.value).toBe(`round ${round}`);
    }
    other.revokeOwner("ann");
    expect(await store.get("a", now)).toBeUndefined();
    other.sweep(now + 60_000, 10);
    expect(await store.get("b", now)).toBeUndefined();
    other.close();
    await store.close();
  });

  test("changes of other connections and the store's own, in turn, are all seen", async () => {
    const { store, path } = await opened();
    const other = sqliteStore({ path });
    for (let round = 0; round < 20; round++) {
      await Promise.all([store.get("a", now), store.get("b", now)]);
      other.put(entry("a", { value: `other ${round}` }), "any", now);
      await store.put(entry("b", { value: `own ${round}` }), "any", now);
      expect((await store.get("a", now))?.value).toBe(`other ${round}`);
      expect((await store.get("b", now))?.value).toBe(`own ${round}`);
      expect(other.get("b", now)?.value).toBe(`own ${round}`);
    }
    other.close();
    await store.close();
  });

  test("what is written to other namespaces and tables leaves the cache alone", async () => {
    const { store, path } = await opened();
    const first = await store.get("a", now);
    const other = sqliteStore({ path, namespace: "other" });
    other.put(entry("a"), null, now);
    const database = new DatabaseSync(path);
    database.exec("CREATE TABLE mine (x)");
    database.close();
    expect(await store.get("a", now)).toBe(first);
    other.close();
    await store.close();
  });

  test("a cached entry expires like any other, and is live again for an earlier now", async () => {
    const { store } = await opened();
    const first = await store.get("a", now);
    expect(await store.get("a", now + 60_000)).toBeUndefined();
    expect(await store.get("a", now + 59_999)).toBe(first);
    await store.close();
  });
});

test("two stores on one handle, and the application's own statements, are seen", () => {
  const database = new DatabaseSync(":memory:");
  const first = sqliteStore({ database });
  const second = sqliteStore({ database });
  first.put(entry("a"), null, now);
  expect(second.get("a", now)).toBe(second.get("a", now));
  first.delete("a");
  expect(second.get("a", now)).toBeUndefined();
  first.close();
  second.close();
  database.close();
});

test("a descriptor of a file that was deleted and made again is not mistaken for the new one", () => {
  const path = testFile();
  for (let life = 0; life < 3; life++) {
    const store = sqliteStore({ path });
    const other = sqliteStore({ path });
    store.put(entry("a", { value: `life ${life}` }), "any", now);
    expect(other.get("a", now)?.value).toBe(`life ${life}`);
    store.close();
    expect(other.get("a", now)?.value).toBe(`life ${life}`);
    other.delete("a");
    other.close();
  }
});

test.runIf(process.platform === "linux")("a descriptor of the -shm file is kept until that file is deleted", () => {
  const path = testFile();
  const open = (): string[] =>
    readdirSync("/proc/self/fd").flatMap((descriptor) => {
      try {
        return [readlinkSync(`/proc/self/fd/${descriptor}`)].filter((target) => target.startsWith(`${path}-shm`));
      } catch {
        return [];
      }
    });
  const [first, second] = [sqliteStore({ path }), sqliteStore({ path })];
  first.get("a", now);
  // One for SQLite, which shares it among its connections, and one of ours.
  expect(open().length).toBe(2);
  first.close();
  expect(open().length).toBe(2);
  second.close();
  expect(open()).toEqual([]);
});

describe("following changes", () => {
  test("a transaction of others lets go of everything", () => {
    const { commit, held } = followed(() => undefined);
    expect(held()).toEqual(["a", "b"]);
    commit();
    expect(held()).toEqual([]);
  });

  test("an own one on its way lets go of what it touched", () => {
    const { commit, held } = followed((changes) => (changes === 2 ? ["a"] : undefined));
    commit();
    expect(held()).toEqual(["b"]);
    commit();
    expect(held()).toEqual([]);
  });

  test("an own one after one of others, and many at once, let go of everything", () => {
    const first = followed((changes) => (changes === 3 ? ["a"] : undefined));
    first.commit(2);
    expect(first.held()).toEqual([]);
    const second = followed(() => ["a"]);
    second.commit(5);
    expect(second.held()).toEqual([]);
  });

  test("a write that has been answered is known, if nothing came in between", () => {
    const { cache, commit, held } = followed(() => undefined);
    cache.drop("a");
    cache.wrote(commit());
    expect(held()).toEqual(["b"]);
    commit();
    cache.wrote(commit());
    expect(held()).toEqual([]);
  });
});

describe("the bound", () => {
  test.each([1, 2, 3, 10, 100])("of %i entries holds at most so many, the latest among them", (max) => {
    const cache = cacheOf(max);
    const keys = Array.from({ length: 5 * max }, (_, index) => `k${index}`);
    for (const key of keys) {
      cache.keep(entry(key));
      expect(cache.get(key)?.key).toBe(key);
    }
    const held = keys.filter((key) => cache.get(key) !== undefined);
    expect(held.length).toBeLessThanOrEqual(max);
    expect(held.length).toBeGreaterThanOrEqual(Math.max(1, Math.floor(max / 2)));
    expect(held.at(-1)).toBe(keys.at(-1));
  });

  test("what is used stays", () => {
    const cache = cacheOf(10);
    cache.keep(entry("used"));
    for (let index = 0; index < 1_000; index++) {
      cache.keep(entry(`k${index}`));
      expect(cache.get("used")?.key).toBe("used");
    }
  });

  test("bytes, which can be changed, and long values are not held", () => {
    const cache = cacheOf(10);
    cache.keep(entry("k"));
    cache.keep(entry("k", { value: new Uint8Array(3) }));
    expect(cache.get("k")).toBeUndefined();
    cache.keep(entry("k", { value: "x".repeat(65_537) }));
    expect(cache.get("k")).toBeUndefined();
  });
});
