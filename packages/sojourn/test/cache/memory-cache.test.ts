import { expect, test, vi } from "vitest";
import { CacheConfigError, MemoryCache, type CacheHooks, type CacheOptions } from "../../src/cache/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";

function recording<T>(): { readonly hooks: CacheHooks<T>; readonly told: [string, unknown][] } {
  const told: [string, unknown][] = [];
  const names = ["onHit", "onMiss", "onSet", "onEvict", "onExpire", "onDelete"] as const;
  const hooks = Object.fromEntries(names.map((name) => [name, (context: unknown) => void told.push([name, context])]));
  return { hooks, told };
}

test("defaults: a hundred entries, five minutes", () => {
  const clock = manualClock();
  const cache = new MemoryCache<number>({ clock });
  for (let i = 0; i <= 100; i++) cache.set(`k${i}`, i);
  expect([cache.size(), cache.get("k0"), cache.get("k1")]).toEqual([100, undefined, 1]);
  clock.advance("5m");
  expect(cache.get("k1")).toBe(1);
  clock.advance(1);
  expect(cache.get("k1")).toBe(undefined);
});

test("zero means no limit and no end", () => {
  const clock = manualClock();
  const cache = new MemoryCache<number>({ maxSize: 0, ttl: 0, clock });
  for (let i = 0; i < 20_000; i++) cache.set(`k${i}`, i);
  clock.advance("520w");
  expect(cache.size()).toBe(20_000);
  expect(cache.getRemainingTtl("k1")).toBe(Infinity);
});

test("an entry can be read at exactly its ttl, and a millisecond later no more", () => {
  const clock = manualClock();
  const cache = new MemoryCache<string>({ ttl: 100, clock });
  cache.set("a", "x");
  cache.set("b", "y", { ttl: "1s" });
  cache.set("c", "z", { ttl: 0 });
  clock.advance(100);
  expect([cache.has("a"), cache.get("a"), cache.peek("a"), cache.getRemainingTtl("a")]).toEqual([true, "x", "x", 0]);
  clock.advance(1);
  expect([cache.has("a"), cache.peek("a"), cache.getRemainingTtl("a")]).toEqual([false, undefined, undefined]);
  clock.advance(899);
  expect([cache.get("b"), cache.getRemainingTtl("b")]).toEqual(["y", 0]);
  clock.advance(1);
  expect([cache.get("b"), cache.get("c")]).toEqual([undefined, "z"]);
});

test("undefined and null are values", async () => {
  const cache = new MemoryCache<string | null | undefined>();
  cache.set("u", undefined);
  cache.set("n", null);
  expect([cache.has("u"), cache.get("u"), cache.has("n"), cache.get("n"), cache.has("x")]).toEqual([
    true,
    undefined,
    true,
    null,
    false,
  ]);
  expect(cache.getStats()).toMatchObject({ hits: 2, misses: 0 });
  const fetcher = vi.fn<() => string>(() => "new");
  expect(await cache.getOrSet("u", fetcher)).toBe(undefined);
  expect(fetcher).not.toHaveBeenCalled();
});

test("reads and writes promote; has and peek do not", () => {
  const cache = new MemoryCache<number>({ maxSize: 3 });
  for (const key of ["a", "b", "c"]) cache.set(key, 1);
  cache.get("a");
  cache.has("b");
  cache.peek("b");
  cache.set("c", 2);
  expect(cache.keys()).toEqual(["b", "a", "c"]);
  cache.set("d", 1);
  expect(cache.keys()).toEqual(["a", "c", "d"]);
  expect(cache.values()).toEqual([1, 2, 1]);
  expect([...cache]).toEqual(cache.entries());
});

test("what has expired goes before what is live", () => {
  const clock = manualClock();
  const { hooks, told } = recording<number>();
  const cache = new MemoryCache<number>({ maxSize: 2, ttl: 1_000, clock, hooks });
  cache.set("fresh", 1);
  cache.set("stale", 2, { ttl: 10 });
  clock.advance(11);
  cache.set("next", 3);
  expect(cache.keys()).toEqual(["fresh", "next"]);
  expect(told.slice(2)).toEqual([
    ["onExpire", { key: "stale", value: 2, source: "prune" }],
    ["onSet", { key: "next", value: 3, isUpdate: false }],
  ]);
});

test("a write over an expired entry reports its end and is no update", () => {
  const clock = manualClock();
  const { hooks, told } = recording<number>();
  const cache = new MemoryCache<number>({ ttl: 10, clock, hooks });
  cache.set("a", 1);
  clock.advance(11);
  cache.set("a", 2);
  expect(told.slice(1)).toEqual([
    ["onExpire", { key: "a", value: 1, source: "prune" }],
    ["onSet", { key: "a", value: 2, isUpdate: false }],
  ]);
});

test("in a wildcard, only the star is special", () => {
  const cache = new MemoryCache<number>({ maxSize: 0 });
  const keys = ["a.b", "axb", "a+b", "(a)", "[a]", "a\\b", "a|b", "^a$", "a?b", "a{2}", "aa", "a\nb", "", "ab"];
  const matched = (pattern: string): string[] => {
    for (const key of keys) cache.set(key, 1);
    cache.deleteByMagicString(pattern);
    return keys.filter((key) => !cache.has(key));
  };
  for (const key of keys) expect(matched(key)).toEqual([key]);
  expect(matched("*")).toEqual(keys);
  expect(matched("a*b")).toEqual(["a.b", "axb", "a+b", "a\\b", "a|b", "a?b", "a\nb", "ab"]);
  expect(matched("a*a")).toEqual(["aa"]);
  expect(matched("**[*]**")).toEqual(["[a]"]);
  expect(matched("a*b*b")).toEqual([]);
  cache.clear();
  cache.set("user:123:name", 1);
  cache.set("user:456:name", 1);
  cache.set("user:456:email", 1);
  expect(cache.deleteByMagicString("user:*:name")).toBe(2);
  expect(cache.deleteByPrefix("user:456:")).toBe(1);
});

test("a pattern of many stars is quick on a key that almost matches", () => {
  const cache = new MemoryCache<number>();
  cache.set("a".repeat(5_000), 1);
  expect(cache.deleteByMagicString(`${"*a".repeat(500)}b`)).toBe(0);
});

test("by weight: the least recently used go until it fits, and what is too heavy alone is not kept", async () => {
  const { hooks, told } = recording<string>();
  const cache = new MemoryCache<string>({ maxSize: 0, maxBytes: 10, sizeOf: (text) => text.length, hooks });
  cache.set("a", "1234");
  cache.set("b", "1234");
  cache.set("c", "12345");
  expect([cache.keys(), cache.getStats().weight]).toEqual([["b", "c"], 9]);
  cache.set("b", "x".repeat(11));
  expect([cache.keys(), cache.getStats()]).toEqual([["c"], expect.objectContaining({ weight: 5, evictions: 2 })]);
  expect(await cache.getOrSet("d", () => "y".repeat(11))).toHaveLength(11);
  expect(cache.has("d")).toBe(false);
  expect(told.filter(([name]) => name === "onEvict")).toEqual([
    ["onEvict", { key: "a", value: "1234" }],
    ["onEvict", { key: "b", value: "1234" }],
  ]);
});

test("a bad weight throws, and changes nothing", () => {
  const cache = new MemoryCache<number>({ maxWeight: 10, sizeCalculation: (value) => value });
  cache.set("a", 1);
  for (const bad of [-1, Number.NaN, Infinity]) expect(() => cache.set("a", bad)).toThrow(RangeError);
  expect(cache.get("a")).toBe(1);
});

test("fractions of weight leave no rest behind", () => {
  const cache = new MemoryCache<number>({ maxSize: 0, maxWeight: 0.3, sizeCalculation: (value) => value });
  for (let i = 0; i < 1_000; i++) cache.set(`k${i % 5}`, [0.1, 0.2, 0.3][i % 3]!);
  for (const key of cache.keys()) cache.delete(key);
  expect(cache.getStats().weight).toBe(0);
  cache.set("a", 0.3);
  expect(cache.get("a")).toBe(0.3);
});

test("statistics, and their reset", () => {
  const clock = manualClock();
  const cache = new MemoryCache<number>({ maxSize: 2, ttl: 10, clock });
  cache.set("a", 1);
  cache.get("a");
  cache.get("b");
  cache.set("b", 1);
  cache.set("c", 1);
  clock.advance(11);
  cache.get("b");
  expect(cache.getStats()).toEqual({ hits: 1, misses: 2, evictions: 1, expirations: 2, size: 0, weight: 0 });
  cache.resetStats();
  expect(cache.getStats()).toEqual({ hits: 0, misses: 0, evictions: 0, expirations: 0, size: 0, weight: 0 });
});

test("clear counts what had expired, with hooks and without", () => {
  for (const hooks of [undefined, {}]) {
    const clock = manualClock();
    const cache = new MemoryCache<number>({ ttl: 10, clock, hooks });
    cache.set("a", 1);
    clock.advance(11);
    cache.set("b", 1);
    cache.clear();
    expect(cache.getStats()).toMatchObject({ expirations: 1, size: 0 });
  }
});

test("every way to delete names itself", async () => {
  const { hooks, told } = recording<number>();
  const cache = new MemoryCache<number>({ hooks });
  for (const key of ["a", "b", "c", "d", "e"]) cache.set(key, 1);
  told.length = 0;
  expect([cache.delete("a"), await cache.deleteAsync("b"), cache.delete("a"), await cache.deleteAsync("b")]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  cache.deleteByPrefix("c");
  cache.deleteByMagicString("*d");
  cache.clear();
  expect(told.map(([name, context]) => [name, (context as { source: string }).source])).toEqual(
    ["delete", "deleteAsync", "deleteByPrefix", "deleteByMagicString", "clear"].map((source) => ["onDelete", source]),
  );
});

function boom(): never {
  throw new Error("boom");
}

test("a hook that throws harms nothing", () => {
  const clock = manualClock();
  const hooks = { onHit: boom, onMiss: boom, onSet: boom, onEvict: boom, onExpire: boom, onDelete: boom };
  const cache = new MemoryCache<number>({ maxSize: 2, ttl: 10, clock, hooks });
  for (const key of ["a", "b", "c"]) cache.set(key, 1);
  expect([cache.get("c"), cache.get("a"), cache.delete("b")]).toEqual([1, undefined, true]);
  clock.advance(11);
  expect([cache.get("c"), cache.size()]).toEqual([undefined, 0]);
});

test("a hook may use the cache, even one that feeds itself", () => {
  let evicted = 0;
  const cache: MemoryCache<number> = new MemoryCache<number>({
    maxSize: 3,
    hooks: { onEvict: ({ key }) => (evicted++, cache.set(`${key}'`, 1)), onHit: ({ key }) => void cache.delete(key) },
  });
  for (const key of ["a", "b", "c", "d"]) cache.set(key, 1);
  expect(cache.size()).toBe(3);
  expect(evicted).toBeLessThan(100);
  const [last] = cache.keys().slice(-1);
  expect([cache.get(last!), cache.has(last!)]).toEqual([1, false]);
});

test("prune in slices, the earliest first", () => {
  const clock = manualClock();
  const { hooks, told } = recording<number>();
  const cache = new MemoryCache<number>({ clock, hooks });
  for (const ttl of [5, 3, 4, 1, 2, 500]) cache.set(`k${ttl}`, ttl, { ttl });
  told.length = 0;
  clock.advance(100);
  expect([cache.prune(2), cache.prune(0), cache.prune(2), cache.prune(), cache.prune()]).toEqual([2, 0, 2, 1, 0]);
  expect(told.map(([, context]) => (context as { value: number }).value)).toEqual([1, 2, 3, 4, 5]);
  for (const bad of [-1, 1.5, Number.NaN]) expect(() => cache.prune(bad)).toThrow(TypeError);
});

test("where there is no limit, writes reclaim what has expired", () => {
  const clock = manualClock();
  let reclaimed = 0;
  const cache = new MemoryCache<number>({ maxSize: 0, ttl: 10, clock, hooks: { onExpire: () => void reclaimed++ } });
  for (let i = 0; i < 1_000; i++) cache.set(`a${i}`, i);
  clock.advance(11);
  for (let i = 0; i < 500; i++) cache.set(`b${i}`, i);
  expect(reclaimed).toBe(1_000);
});

test("a using declaration clears it", () => {
  const cache = new MemoryCache<number>();
  cache.set("a", 1);
  cache[Symbol.dispose]();
  expect(cache.size()).toBe(0);
});

test("options that make no sense are refused at once", () => {
  const bad: CacheOptions<string>[] = [
    { maxSize: -1 },
    { maxSize: Number.NaN },
    { maxSize: 1.5 },
    { ttl: -1 },
    { ttl: Number.NaN },
    { ttl: "soon" as "1s" },
    { maxWeight: -1, sizeCalculation: () => 1 },
    { maxWeight: 5 },
    { maxBytes: 5 },
    { maxBytes: 5, sizeOf: 3 as never },
    { maxBytes: 5, sizeOf: () => 1, maxWeight: 5 },
  ];
  for (const options of bad) expect(() => new MemoryCache(options), JSON.stringify(options)).toThrow(CacheConfigError);
  expect(() => new MemoryCache({ maxSize: -1 })).toThrow(/maxSize must be a non-negative number/);
  expect(() => new MemoryCache({ maxEntries: 5 } as never)).toThrow(CacheConfigError);
  expect(() => new MemoryCache({ maxsize: 5 } as never)).toThrow("such as `maxSize`");
  expect(() => new MemoryCache().set("a", 1, { ttl: -1 })).toThrow(CacheConfigError);
  const cache = new MemoryCache<number>({ maxSize: Infinity, ttl: Infinity, maxWeight: 0 });
  cache.set("a", 1);
  expect(cache.getRemainingTtl("a")).toBe(Infinity);
});

test("set refuses a misspelt option, and a ttl in its place, and keeps what was there", () => {
  const cache = new MemoryCache<number>();
  cache.set("k", 1, { ttl: "1m" });
  expect(() => cache.set("k", 2, { ttlMs: 5 } as object)).toThrow(
    new CacheConfigError('Expected an option of `set`, such as `ttl`, got "ttlMs"'),
  );
  expect(() => cache.set("k", 2, 5_000 as unknown as object)).toThrow(CacheConfigError);
  expect(cache.get("k")).toBe(1);
});
