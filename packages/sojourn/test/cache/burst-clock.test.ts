import { afterEach, expect, test, vi } from "vitest";
import { BurstClock } from "../../src/cache/burst-clock.ts";
import { MemoryCache } from "../../src/cache/index.ts";

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Asks until one call has had no reading of its own: the answer is then shared. */
function burst(clock: BurstClock): number {
  let instant = clock.now();
  for (let same = 0; same < 30;) {
    const next = clock.now();
    same = next === instant ? same + 1 : 0;
    instant = next;
  }
  return instant;
}

test("under fake timers every call is exact, also when they come in the middle of a burst", () => {
  const clock = new BurstClock();
  burst(clock);
  vi.useFakeTimers({ now: 5_000 });
  expect(clock.now()).toBe(5_000);
  for (let i = 0; i < 100; i++) {
    vi.advanceTimersByTime(1);
    expect(clock.now()).toBe(5_001 + i);
  }
  vi.setSystemTime(1);
  expect(clock.now()).toBe(1);
});

test("when only Date.now is replaced, every call asks the replacement", () => {
  const clock = new BurstClock();
  burst(clock);
  const now = vi.spyOn(Date, "now");
  for (let i = 0; i < 100; i++) {
    now.mockReturnValue(i);
    expect(clock.now()).toBe(i);
  }
});

test("a reading is not carried over an await", async () => {
  const clock = new BurstClock();
  burst(clock);
  const until = Date.now() + 5;
  await Promise.resolve();
  while (Date.now() < until);
  expect(clock.now()).toBeGreaterThanOrEqual(until);
});

test("a stretch of code that stands still is noticed after 64 calls at the latest", () => {
  const clock = new BurstClock();
  const shared = burst(clock);
  const until = shared + 5;
  while (Date.now() < until);
  let stale = 0;
  while (clock.now() < until) stale++;
  expect(stale).toBeLessThanOrEqual(63);
});

test("calls that are far apart get a reading each", () => {
  const clock = new BurstClock();
  for (let i = 0; i < 5; i++) {
    const until = Date.now() + 2;
    while (Date.now() < until);
    expect(clock.now()).toBeGreaterThanOrEqual(until);
  }
});

test("a cache is exact to the millisecond under fake timers", () => {
  vi.useFakeTimers();
  const cache = new MemoryCache<number>({ ttl: 1_000, maxSize: 0 });
  for (let i = 0; i < 200; i++) cache.set(`k${i}`, i);
  vi.advanceTimersByTime(1_000);
  for (let i = 0; i < 200; i++) expect(cache.get(`k${i}`)).toBe(i);
  vi.advanceTimersByTime(1);
  for (let i = 0; i < 200; i++) expect(cache.get(`k${i}`)).toBe(undefined);
  expect(vi.getTimerCount()).toBe(0);
});
