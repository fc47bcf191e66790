import { readdirSync, readlinkSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { nothingToWatch } from "../../../src/store/sqlite/change-watch.ts";
import { entryCache } from "../../../src/store/sqlite/entry-cache.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { entry, now, testFile } from "./support/folder.ts";

/** A reader over rows in memory, with a count of changes that goes where it is told to. It notes what it was asked. */
function fakeReader() {
  const rows = new Map<string, Entry>();
  const asked: string[] = [];
  let count = 1;
  const find = (key: string): Entry | undefined => {
    asked.push(`find ${key}`);
    return rows.get(key);
  };
  return {
    rows,
    commit: (by = 1) => (count += by),
    /** What was asked since the last time. */
    asked: () => asked.splice(0),
    reader: {
      find,
      findAgain(before: Entry): Entry | undefined {
        asked.push(`again ${before.key}`);
        return rows.get(before.key);
      },
      changes: () => count,
    },
  };
}

/** A cache that has read two entries and is told that something was committed whenever it asks. */
function followed(onItsWay: (changes: number) => readonly string[] | undefined) {
  const { rows, asked, commit, reader } = fakeReader();
  const watch = { ...nothingToWatch, changed: () => true };
  const cache = entryCache({ max: 10, reader, watch, onItsWay });
  for (const key of ["a", "b"]) rows.set(key, entry(key));
  const read = (): readonly string[] => {
    for (const key of ["a", "b"]) expect(cache.find(key)).toBe(rows.get(key));
    return asked();
  };
  expect(read()).toEqual(["find a", "find b"]);
  // The first look finds out where the count stands, so that both are asked once more.
  read();
  expect(read()).toEqual([]);
  return { cache, commit, read };
}

/** A cache of what nobody else changes. */
function bounded(max: number) {
  const { rows, asked, reader } = fakeReader();
  const cache = entryCache({ max, reader, watch: nothingToWatch });
  const isHeld = (key: string): boolean => {
    asked();
    cache.find(key);
    return asked().length === 0;
  };
  const put = (each: Entry): void => {
    rows.set(each.key, each);
    cache.drop(each.key);
    expect(cache.find(each.key)).toBe(each);
  };
  return { put, isHeld };
}

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
  test("after a transaction of others, each row is asked once", () => {
    const { commit, read } = followed(() => undefined);
    commit();
    expect(read()).toEqual(["again a", "again b"]);
    expect(read()).toEqual([]);
  });

  test("after an own one on its way, the rows that it touched are asked", () => {
    const { commit, read } = followed((changes) => (changes === 2 ? ["a"] : undefined));
    commit();
    // The look at `b` finds out about `a`.
    read();
    expect(read()).toEqual([]);
    commit();
    expect(read()).toEqual(["again a", "again b"]);
  });

  test("after an own one that comes after one of others, and after many at once, each row is asked", () => {
    const first = followed((changes) => (changes === 3 ? ["a"] : undefined));
    first.commit(2);
    expect(first.read()).toEqual(["again a", "again b"]);
    const second = followed(() => ["a"]);
    second.commit(5);
    expect(second.read()).toEqual(["again a", "again b"]);
  });

  test("a write that has been answered is known, if nothing came in between", () => {
    const { cache, commit, read } = followed(() => undefined);
    cache.drop("a");
    cache.wrote(commit());
    expect(read()).toEqual(["find a"]);
    commit();
    cache.wrote(commit());
    expect(read()).toEqual(["again a", "again b"]);
  });

  test("after a fault, each row is asked", () => {
    const { cache, read } = followed(() => undefined);
    cache.doubt();
    expect(read()).toEqual(["again a", "again b"]);
  });
});

describe("the bound", () => {
  test.each([1, 2, 3, 10, 100])("of %i entries holds at most so many, the latest among them", (max) => {
    const { put, isHeld } = bounded(max);
    const keys = Array.from({ length: 5 * max }, (_, index) => `k${index}`);
    for (const key of keys) put(entry(key));
    expect(isHeld(keys.at(-1)!)).toBe(true);
    // From the latest on, so that what is read now is not what drives out what was held.
    const held = keys.toReversed().findIndex((key) => !isHeld(key));
    expect(held).toBeLessThanOrEqual(max);
    expect(held).toBeGreaterThanOrEqual(Math.max(1, Math.floor(max / 2)));
  });

  test("what is used stays", () => {
    const { put, isHeld } = bounded(10);
    put(entry("used"));
    for (let index = 0; index < 1_000; index++) {
      put(entry(`k${index}`));
      expect(isHeld("used")).toBe(true);
    }
  });

  test("of none holds none", () => {
    const { put, isHeld } = bounded(0);
    put(entry("k"));
    expect(isHeld("k")).toBe(false);
  });

  test("bytes, which can be changed, and long values are not held", () => {
    const { put, isHeld } = bounded(10);
    put(entry("k"));
    expect(isHeld("k")).toBe(true);
    for (const value of [new Uint8Array(3), "x".repeat(65_537)]) {
      put(entry("k", { value }));
      expect(isHeld("k")).toBe(false);
    }
  });
});

/** A store that asks for each row, and another connection to its file. */
function asking() {
  const path = testFile();
  sqliteStore({ path }).close();
  const database = new DatabaseSync(path);
  const [store, other] = [sqliteStore({ database }), sqliteStore({ path })];
  onTestFinished(() => {
    for (const each of [store, other, database]) each.close();
  });
  return { store, other, database };
}

describe("a known rev", () => {
  test("is the same entry, with what was made of it; with other instants, it is another one", () => {
    const { store, other } = asking();
    const written = entry("a", { owner: "ann", meta: "m" });
    other.put(written, null, now);
    const first = store.get("a", now)!;
    first.memo!.decoded = "made of it";
    other.put(entry("b"), null, now);
    expect(store.get("a", now)).toBe(first);
    other.touch("a", written.rev, { touchedAt: now + 1, expiresAt: now + 99_000 }, now);
    const touched = store.get("a", now)!;
    expect(touched).toEqual({ ...written, touchedAt: now + 1, expiresAt: now + 99_000, memo: {} });
    expect(Object.isFrozen(touched)).toBe(true);
    expect(first.expiresAt).toBe(now + 60_000);
    expect(store.get("a", now + 98_999)).toBe(touched);
    expect(store.get("a", now + 99_000)).toBeUndefined();
  });

  test("is asked for each time: what others write, remove and bring back is the next answer", () => {
    const { store, other, database } = asking();
    const [first, second] = [entry("a", { value: "first" }), entry("a", { value: "second", owner: "ann" })];
    for (let round = 0; round < 3; round++) {
      other.put(first, "any", now);
      expect(store.get("a", now)).toMatchObject(first);
      other.put(second, first.rev, now);
      expect(store.get("a", now)).toMatchObject(second);
      // By the application, on the very connection.
      database.exec("DELETE FROM sojourn_entry");
      expect(store.get("a", now)).toBeUndefined();
    }
  });

  test("costs one short statement while it stays", () => {
    const path = testFile();
    sqliteStore({ path }).close();
    const database = new DatabaseSync(path);
    const asked: string[] = [];
    const store = sqliteStore({
      database: {
        prepare(sql) {
          const statement = database.prepare(sql);
          return {
            run: (...values) => statement.run(...values),
            all: (...values) => statement.all(...values),
            get(...values) {
              asked.push(sql);
              return statement.get(...values);
            },
          };
        },
      },
    });
    store.put(entry("a"), null, now);
    store.get("a", now);
    asked.length = 0;
    for (let read = 0; read < 10; read++) store.get("a", now);
    expect(asked).toHaveLength(10);
    expect(new Set(asked)).toEqual(new Set([expect.stringMatching(/^SELECT rev, touchedAt, expiresAt FROM/)]));
    store.close();
    database.close();
  });
});
