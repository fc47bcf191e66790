/**
 * The longest single call, with a million entries: while they come, when all of them expire at once, while new ones
 * take their place. `node --expose-gc bench/cache/pause.ts`. Prints JSON.
 *
 * All of it is done in several rounds. What the cache does itself happens in every round; what the machine does to it does
 * not, so of the longest calls of the rounds the shortest counts. A call during which the engine collected garbage is counted apart: any call of any program can meet a collection.
 */
import { randomBytes } from "node:crypto";
import { PerformanceObserver } from "node:perf_hooks";
import { setImmediate as turn } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { MemoryCache } from "sojourn/cache";
import { ensure } from "../measure.ts";

const COUNT = 1_000_000;
const TTL = 1_000;

interface Call {
  readonly start: number;
  readonly end: number;
}

interface Longest {
  /** Milliseconds, of calls during which no garbage was collected. */
  readonly call: number;
  /** The same, of any call. */
  readonly withCollection: number;
}

const collections: Call[] = [];
const observer = new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries())
    collections.push({ start: startTime, end: startTime + duration });
});
observer.observe({ entryTypes: ["gc"] });

const ROUNDS = 5;
const results: Record<string, Longest> = {};

/** Times every call, and keeps those that took a while. */
async function longest(name: string, count: number, call: (i: number) => unknown): Promise<void> {
  const slow: Call[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    call(i);
    const end = performance.now();
    if (end - start > 0.2) slow.push({ start, end });
    if (i % 10_000 === 0) await turn();
  }
  for (let i = 0; i < 5; i++) await turn();
  const free = slow.filter((one) => !collections.some((gc) => gc.start < one.end && gc.end > one.start));
  const most = (calls: readonly Call[]): number => Math.max(0.2, ...calls.map(({ start, end }) => end - start));
  const before = results[name] ?? { call: Infinity, withCollection: Infinity };
  results[name] = {
    call: Math.min(before.call, most(free)),
    withCollection: Math.min(before.withCollection, most(slow)),
  };
}

const keys = Array.from({ length: 3 * COUNT }, () => randomBytes(32).toString("base64url"));
const value = {};

async function measure(maxSize: number): Promise<void> {
  globalThis.gc?.();
  let now = 1_000_000;
  const clock = { now: () => now };
  const cache = new MemoryCache<object>({ maxSize, ttl: TTL, clock });
  const at = maxSize === 0 ? "no limit" : "at capacity";
  await longest(`${at}: set, growing from nothing`, COUNT, (i) => cache.set(keys[i]!, value));
  if (maxSize > 0) {
    await longest(`${at}: set, evicting`, COUNT, (i) => cache.set(keys[COUNT + i]!, value));
    for (let i = 0; i < COUNT; i++) cache.set(keys[i]!, value);
  }
  now += TTL + 1;
  await longest(`${at}: get, all expired`, 100_000, (i) => cache.get(keys[i * 10]!));
  await longest(`${at}: set, all expired`, 100_000, (i) => cache.set(keys[2 * COUNT + i]!, value));
  await longest(`${at}: has and delete, all expired`, 100_000, (i) =>
    i % 2 === 0 ? cache.has(keys[i * 10 + 1]!) : cache.delete(keys[i * 10 + 1]!),
  );
  await longest(`${at}: prune(1000)`, 1_000, () => cache.prune(1_000));
  ensure(cache.size() === 100_000, "only what was set last is left");
}

async function measureLruCache(): Promise<void> {
  globalThis.gc?.();
  const lru = new LRUCache<string, object>({ max: COUNT, ttl: TTL * 1_000 });
  await longest("lru-cache: set, growing from nothing", COUNT, (i) => lru.set(keys[i]!, value));
  await longest("lru-cache: set, evicting", COUNT, (i) => lru.set(keys[COUNT + i]!, value));
}

for (let round = 0; round < ROUNDS; round++) {
  await measure(COUNT);
  await measure(0);
  await measureLruCache();
}
observer.disconnect();
console.log(JSON.stringify({ node: process.version, results }));
