import { describe, expect, test } from "vitest";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Entry, Store } from "../../src/store/store.ts";

const now = Date.UTC(2030, 0, 1);

function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev of ${key}`, meta: "", ...instants, value: "", ...parts };
}

test("of ten thousand revocations the first is forgotten, and what began before it is refused from then on", () => {
  const store = memoryStore();
  const begun = store.begin();
  store.revokeOwner("ann");
  const later = store.begin();
  for (let count = 1; count < 10_000; count++) store.revokeOwner(`user ${count}`);
  expect(store.put(entry("a", { owner: "never revoked" }), null, now, begun).outcome).toBe("stored");
  store.revokeOwner("one more");
  for (const owner of ["ann", "somebody else"]) {
    expect(store.put(entry("b", { owner }), null, now, begun)).toEqual({ outcome: "revoked" });
  }
  expect(store.put(entry("c", { owner: "ann" }), null, now, later).outcome).toBe("stored");
  expect(store.put(entry("d", { owner: "user 1" }), null, now, later)).toEqual({ outcome: "revoked" });
  expect(store.put(entry("e", { owner: "user 1" }), null, now).outcome).toBe("stored");
});

const keysOf = (store: ReturnType<typeof memoryStore>): string[] =>
  store.list({ limit: 100 }, now).items.map(({ key }) => key);

describe("entries without an owner", () => {
  test("go first when the store is full, the least recently used one before the others", () => {
    const store = memoryStore({ maxEntries: 4, onFull: "evict-lru" });
    store.put(entry("ann", { owner: "ann" }), null, now);
    for (const key of ["a", "b", "c"]) store.put(entry(key), null, now);
    store.get("a", now);
    const evicted = ["d", "e"].map((key) => store.put(entry(key, { owner: key }), null, now));
    expect(evicted).toMatchObject([{ removed: [{ key: "b" }] }, { removed: [{ key: "c" }] }]);
    store.put(entry("f", { owner: "f" }), null, now);
    // Only when there is none left, a user's goes.
    expect(store.put(entry("g", { owner: "g" }), null, now)).toMatchObject({ removed: [{ key: "ann" }] });
    expect(keysOf(store).sort()).toEqual(["d", "e", "f", "g"]);
  });

  test.each(["evict-lru", "reject"] as const)("never exceed their own limit, onFull: %s", (onFull) => {
    const store = memoryStore({ maxEntries: 10, maxUnowned: 2, onFull });
    store.put(entry("a"), null, now);
    store.put(entry("b"), null, now);
    const one = (): unknown => store.put(entry("c"), null, now);
    if (onFull === "reject") expect(one).toThrow(expect.objectContaining({ code: "store_full" }));
    else expect(one()).toMatchObject({ removed: [{ key: "a" }] });
    expect(store.count(now)).toBe(2);
    // A login frees the place of the visitor that it was.
    const [key = ""] = keysOf(store);
    store.put(entry(key, { owner: "ann", rev: "login" }), store.get(key, now)?.rev ?? null, now);
    expect(store.put(entry("d"), null, now)).toMatchObject({ outcome: "stored", removed: [] });
    for (let index = 0; index < 7; index++) store.put(entry(`u${index}`, { owner: "bob" }), null, now);
    expect(store.count(now)).toBe(10);
  });

  test("a misspelt option is refused", () => {
    expect(() => memoryStore({ maxEntires: 10 } as object)).toThrow(/such as `maxEntries`, got "maxEntires"/);
  });

  test("make room when their time is up, also where nothing is evicted", () => {
    const store = memoryStore({ maxEntries: 10, maxUnowned: 1 });
    store.put(entry("a"), null, now);
    expect(store.put(entry("b", { expiresAt: now + 99_000 }), null, now + 60_000)).toMatchObject({
      removed: [{ key: "a" }],
    });
  });

  test.each([0, 1.5, 11, Number.NaN])("a limit of %d for ten entries is refused", (maxUnowned) => {
    expect(() => memoryStore({ maxEntries: 10, maxUnowned })).toThrow(/`maxUnowned` to be 1 to `maxEntries` \(10\)/);
  });
});

function watched(store: Store): (readonly [key: string, note: string] | null)[] {
  const told: (readonly [string, string] | null)[] = [];
  store.watchRemovals?.((removed) => told.push(removed && [removed.head.key, removed.note]));
  return told;
}

describe("removals are told", () => {
  test("as evicted, where a live entry had to make room", () => {
    const store = memoryStore({ maxEntries: 2, maxUnowned: 1, onFull: "evict-lru" });
    const told = watched(store);
    store.put(entry("visitor"), null, now);
    store.put(entry("second visitor"), null, now);
    expect(told).toEqual([["visitor", "evicted"]]);
    store.put(entry("ann", { owner: "ann" }), null, now);
    store.put(entry("bob", { owner: "bob" }), null, now);
    store.put(entry("cat", { owner: "cat" }), null, now);
    expect(told.slice(1)).toEqual([
      ["second visitor", "evicted"],
      ["ann", "evicted"],
    ]);
  });

  test("as expired, where an entry whose time was up made room", () => {
    const store = memoryStore({ maxUnowned: 1, onFull: "evict-lru" });
    const told = watched(store);
    store.put(entry("visitor"), null, now);
    store.put(entry("second visitor", { expiresAt: now + 120_000 }), null, now + 60_000);
    expect(told).toEqual([["visitor", ""]]);
  });

  test("in the step that removes, before its call returns", () => {
    const store = memoryStore();
    const told = watched(store);
    store.put(entry("k", { owner: "ann" }), null, now);
    store.revokeOwner("ann", undefined, "why");
    expect(told).toEqual([["k", "why"]]);
  });

  test("to those whose watch is open at that moment", () => {
    const store = memoryStore();
    const told: string[] = [];
    const first = store.watchRemovals?.((removed) => {
      const { head } = removed!;
      told.push(`first ${head.key}`);
      void first?.close();
      void second?.close();
      store.watchRemovals?.(() => told.push(`third ${head.key}`));
      store.delete("next");
    });
    const second = store.watchRemovals?.((removed) => told.push(`second ${removed?.head.key}`));
    for (const key of ["k", "next"]) store.put(entry(key), null, now);
    store.delete("k");
    expect(told).toEqual(["first k", "third k"]);
  });
});
