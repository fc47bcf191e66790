import { expect, test } from "vitest";
import { MemoryCache, type CacheHooks, type CacheOptions } from "../../src/cache/index.ts";
import { manualClock, type ManualClock } from "../../src/time/manual-clock.ts";
import { NaiveCache } from "./support/naive-cache.ts";

/** Small, repeatable random numbers (mulberry32). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function logging(log: string[]): CacheHooks<unknown> {
  const names = ["onHit", "onMiss", "onSet", "onEvict", "onExpire", "onDelete"] as const;
  return Object.fromEntries(
    names.map((name) => [name, (context: unknown) => void log.push(`${name} ${JSON.stringify(context)}`)]),
  );
}

interface Pair {
  readonly real: MemoryCache<unknown>;
  readonly naive: NaiveCache;
  readonly clock: ManualClock;
}

const VALUES = [undefined, null, 0, "", false, 1, 2, 3, 7, 11];
const TTLS = [0, 1, 2, 10, 50, 1_000];

/** One random operation on both; returns what each answered. */
function step({ real, naive, clock }: Pair, pick: (below: number) => number): [unknown, unknown] {
  const key = `k:${pick(4)}:${pick(10)}`;
  const kind = pick(100);
  if (kind < 34) return [real.get(key), naive.get(key)];
  if (kind < 64) {
    const value = VALUES[pick(VALUES.length)];
    const options = pick(4) === 0 ? { ttl: TTLS[pick(TTLS.length)]! } : {};
    return [real.set(key, value, options), naive.set(key, value, options)];
  }
  if (kind < 74) return [clock.advance(pick(12)), clock.now()];
  if (kind < 75) return [clock.advance(pick(200)), clock.now()];
  if (kind < 76) return [clock.set(clock.now() - pick(20)), clock.now()];
  if (kind < 81) return [real.has(key), naive.has(key)];
  if (kind < 85) return [real.delete(key), naive.delete(key)];
  if (kind < 88) return [real.peek(key), naive.peek(key)];
  if (kind < 91) return [real.getRemainingTtl(key), naive.getRemainingTtl(key)];
  if (kind < 94) {
    const limit = pick(5);
    return [real.prune(limit), naive.prune(limit)];
  }
  if (kind < 95) return [real.prune(), naive.prune()];
  if (kind < 96) return [real.deleteByPrefix(key.slice(0, 4)), naive.deleteByPrefix(key.slice(0, 4))];
  if (kind < 97) {
    const pattern = [`k:*:${pick(10)}`, "*", "k*1", key, `*${pick(4)}*`, "k.1"][pick(6)]!;
    return [real.deleteByMagicString(pattern), naive.deleteByMagicString(pattern)];
  }
  if (kind < 98 && pick(10) === 0) return [real.clear(), naive.clear()];
  if (kind < 99) return [real.entries(), naive.list()];
  return [real.size(), naive.list().length];
}

const shapes: Record<string, CacheOptions> = {
  "bounded, one ttl": { maxSize: 12, ttl: 30 },
  "no limit": { maxSize: 0, ttl: 20 },
  "bounded, no end": { maxSize: 8, ttl: 0 },
  "by weight": { maxSize: 0, maxWeight: 60, sizeCalculation: (value) => 1 + Number(value ?? 0), ttl: 25 },
  "by weight and number": { maxSize: 9, maxWeight: 40, sizeCalculation: (value) => 1 + Number(value ?? 0), ttl: 60 },
  "room for one": { maxSize: 1, ttl: 5 },
};

for (const [name, options] of Object.entries(shapes)) {
  test(`does what the naive cache does: ${name}`, () => {
    for (const seed of [1, 2, 3]) {
      const clock = manualClock(1_000_000);
      const log: string[] = [];
      const real = new MemoryCache<unknown>({ ...options, clock, hooks: logging(log) });
      const naive = new NaiveCache(options, () => clock.now());
      const pick = random(seed);
      for (let i = 0; i < 12_000; i++) {
        const [got, wanted] = step({ real, naive, clock }, pick);
        if (i % 40 === 0) {
          expect(real.getStats(), `statistics, seed ${seed}, step ${i}`).toEqual({
            ...(naive.prune(), naive.stats),
            size: naive.entries.length,
            weight: naive.weight(),
          });
          expect(real.entries()).toEqual(naive.list());
        }
        if (typeof got === "object") expect(got, `seed ${seed}, step ${i}`).toEqual(wanted);
        else expect(Object.is(got, wanted), `seed ${seed}, step ${i}: ${JSON.stringify([got, wanted])}`).toBe(true);
        expect(log.splice(0).join("\n"), `hooks, seed ${seed}, step ${i}`).toBe(naive.log.splice(0).join("\n"));
      }
    }
  });
}
