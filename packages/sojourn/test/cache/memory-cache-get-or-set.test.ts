import { expect, test, vi } from "vitest";
import { MemoryCache } from "../../src/cache/index.ts";
import { manualClock } from "../../src/time/manual-clock.ts";

interface Pending {
  readonly promise: Promise<string>;
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
}

function pending(): Pending {
  let resolve!: Pending["resolve"];
  let reject!: Pending["reject"];
  const promise = new Promise<string>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

test("one fetch for all who ask at once, and one promise", async () => {
  const cache = new MemoryCache<string>();
  const fetcher = vi.fn<() => Promise<string>>(async () => "v");
  const first = cache.getOrSet("k", fetcher);
  expect(cache.getOrSet("k", fetcher)).toBe(first);
  expect(await first).toBe("v");
  expect(await cache.getOrSet("k", fetcher)).toBe("v");
  expect(fetcher).toHaveBeenCalledTimes(1);
  expect(cache.getStats()).toMatchObject({ hits: 1, misses: 1 });
});

test("a fetch that fails is not kept, and the next call tries again", async () => {
  const cache = new MemoryCache<string>();
  const fetcher = vi
    .fn<() => Promise<string>>()
    .mockRejectedValueOnce(new Error("down"))
    .mockImplementationOnce(() => {
      throw new Error("still down");
    })
    .mockResolvedValue("up");
  await expect(cache.getOrSet("k", fetcher)).rejects.toThrow("down");
  await expect(cache.getOrSet("k", fetcher)).rejects.toThrow("still down");
  expect(await cache.getOrSet("k", fetcher)).toBe("up");
  expect(fetcher).toHaveBeenCalledTimes(3);
});

test("a fetch that is overtaken answers those who wait, and does not overwrite the newer fact", async () => {
  const overtake: Record<string, (cache: MemoryCache<string>) => unknown> = {
    set: (cache) => cache.set("k", "newer"),
    delete: (cache) => cache.delete("k"),
    deleteAsync: (cache) => cache.deleteAsync("k"),
    deleteByPrefix: (cache) => cache.deleteByPrefix("k"),
    deleteByMagicString: (cache) => cache.deleteByMagicString("*"),
    clear: (cache) => cache.clear(),
  };
  for (const [name, act] of Object.entries(overtake)) {
    const cache = new MemoryCache<string>();
    const slow = pending();
    const old = cache.getOrSet("k", () => slow.promise);
    await act(cache);
    slow.resolve("older");
    expect(await old, name).toBe("older");
    expect(cache.get("k"), name).toBe(name === "set" ? "newer" : undefined);
  }
});

test("after it has been overtaken, the next call starts a fetch of its own, which the old one leaves alone", async () => {
  const cache = new MemoryCache<string>();
  const slow = pending();
  const quick = pending();
  const old = cache.getOrSet("k", () => slow.promise);
  cache.delete("k");
  const fresh = cache.getOrSet("k", () => quick.promise);
  expect(fresh).not.toBe(old);
  slow.reject(new Error("too late"));
  await expect(old).rejects.toThrow("too late");
  expect(cache.getOrSet("k", () => "third")).toBe(fresh);
  quick.resolve("fresh");
  expect([await fresh, cache.get("k")]).toEqual(["fresh", "fresh"]);
});

test("other keys do not overtake it, and its ttl counts from when it is stored", async () => {
  const clock = manualClock();
  const cache = new MemoryCache<string>({ clock, ttl: 10 });
  const slow = pending();
  const old = cache.getOrSet("k", () => slow.promise, { ttl: 50 });
  cache.set("other", "x");
  cache.delete("another");
  cache.deleteByPrefix("o");
  clock.advance(100);
  slow.resolve("v");
  await old;
  expect([cache.get("k"), cache.getRemainingTtl("k")]).toEqual(["v", 50]);
});

test("when storing fails, the call fails, and the next one fetches again", async () => {
  const cache = new MemoryCache<string>({ maxWeight: 10, sizeCalculation: (value) => Number(value) });
  await expect(cache.getOrSet("k", () => "NaN")).rejects.toThrow(RangeError);
  expect(await cache.getOrSet("k", () => "3")).toBe("3");
});

test("a misspelt option is refused before anything is fetched", async () => {
  const cache = new MemoryCache<number>();
  const fetcher = vi.fn<() => number>(() => 1);
  const call = cache.getOrSet("k", fetcher, { tll: 5 } as object);
  await expect(call).rejects.toThrow('Expected an option of `getOrSet`, such as `ttl`, got "tll"');
  expect(fetcher).not.toHaveBeenCalled();
});
