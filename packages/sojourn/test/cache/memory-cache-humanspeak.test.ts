/**
 * The package whose users can switch by changing the import, beside ours, at random.
 *
 * What is different on purpose is kept out of the comparison: an expired entry is absent in every call (there, a write
 * over it is an update and deleting it succeeds, without a report of its end); `*` also stands for line breaks; a fetch
 * that has been overtaken is not stored; calls for one fetch share a promise, as that package documents. Of entries that
 * end in the same millisecond, either may be reported first.
 */
import { cached as peerCached, MemoryCache as PeerCache } from "@humanspeak/memory-cache";
import { afterEach, expect, test, vi } from "vitest";
import { cached as ourCached, MemoryCache, type CacheHooks, type CacheOptions } from "../../src/cache/index.ts";

afterEach(() => {
  vi.useRealTimers();
});

function logging(log: string[]): CacheHooks<unknown> {
  const names = ["onHit", "onMiss", "onSet", "onEvict", "onExpire", "onDelete"] as const;
  return Object.fromEntries(
    names.map((name) => [name, (context: unknown) => void log.push(`${name} ${JSON.stringify(context)}`)]),
  );
}

/** What was told, with the ends that one call reported in a row sorted. */
function drain(log: string[]): string {
  const ends = log.filter((line) => line.startsWith("onExpire")).sort();
  return log
    .splice(0)
    .map((line) => (line.startsWith("onExpire") ? ends.shift() : line))
    .join("\n");
}

type Both = MemoryCache<unknown> & PeerCache<unknown>;

function step(cache: Pick<Both, keyof PeerCache<unknown>>, kind: number, key: string, value: unknown): unknown {
  if (kind < 35) return cache.get(key);
  if (kind < 60) {
    // Nothing expired may be under the key, see above.
    cache.has(key);
    return cache.set(key, value);
  }
  if (kind < 70) return cache.has(key);
  if (kind < 78) return cache.has(key) && cache.delete(key);
  if (kind < 82) return cache.size();
  if (kind < 86) return cache.entries();
  if (kind < 89) return [cache.keys(), cache.values()];
  if (kind < 92) return cache.prune();
  if (kind < 94) return [cache.prune(), cache.deleteByPrefix(key.slice(0, 2))];
  if (kind < 96) return [cache.prune(), cache.deleteByMagicString(`*${key.slice(-1)}`)];
  if (kind < 98) return cache.getStats();
  return kind === 98 ? cache.resetStats() : [cache.prune(), cache.clear()];
}

const shapes: Record<string, CacheOptions> = {
  bounded: { maxSize: 10, ttl: 40 },
  "no end": { maxSize: 10, ttl: 0 },
  "by weight": { maxSize: 8, maxWeight: 30, sizeCalculation: (value) => Number(value ?? 0), ttl: 30 },
};

for (const [name, options] of Object.entries(shapes)) {
  test(`the same answers, hooks and statistics: ${name}`, () => {
    vi.useFakeTimers({ now: 1_000_000 });
    const ourLog: string[] = [];
    const peerLog: string[] = [];
    const ours = new MemoryCache<unknown>({ ...options, hooks: logging(ourLog) });
    const peer = new PeerCache<unknown>({ ...options, hooks: logging(peerLog) } as object);
    let state = 7;
    const pick = (below: number): number =>
      ((state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) % 65_521) % below;
    for (let i = 0; i < 20_000; i++) {
      if (pick(4) === 0) vi.advanceTimersByTime(pick(15));
      const kind = pick(100);
      const key = `${"abc"[pick(3)]}:${pick(7)}`;
      const value = [undefined, null, 1, 5, 12, 40][pick(6)];
      const where = `step ${i}: ${kind} ${key} ${value}`;
      expect(step(ours as Both, kind, key, value), where).toEqual(step(peer as Both, kind, key, value));
      expect(drain(ourLog), where).toBe(drain(peerLog));
    }
  });
}

/** What a decorated method answers, on two instances, and what its hooks are told. */
async function played(cached: typeof ourCached | typeof peerCached, options: object): Promise<unknown> {
  const log: string[] = [];
  let calls = 0;
  class Service {
    async user(id: { readonly n: number }): Promise<string> {
      return `${++calls} ${id.n}`;
    }
  }
  const descriptor = Object.getOwnPropertyDescriptor(Service.prototype, "user") as PropertyDescriptor;
  const decorate = cached({ maxSize: 2, ttl: 0, hooks: logging(log), ...options }) as MethodDecorator;
  Object.defineProperty(Service.prototype, "user", decorate(Service.prototype, "user", descriptor) ?? descriptor);
  const [one, two] = [new Service(), new Service()];
  const answers = await Promise.all([one.user({ n: 1 }), two.user({ n: 1 }), one.user({ n: 2 })]);
  answers.push(await two.user({ n: 1 }), await one.user({ n: 3 }), await two.user({ n: 2 }));
  return { answers, log };
}

test("a decorated method is cached as there: for all instances, under the same keys, with the same hooks", async () => {
  for (const options of [{}, { keyGenerator: ([id]: readonly [{ n: number }]) => String(id.n) }]) {
    expect(await played(ourCached, options)).toEqual(await played(peerCached, options));
  }
});
