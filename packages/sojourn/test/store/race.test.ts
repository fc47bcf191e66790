import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../src/store/memory-store.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import type { Put, Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/index.ts";
import { callers, entry, increment, now, type Caller } from "./support/callers.ts";
import { history, type History } from "./support/history.ts";
import { isLinearizable } from "./support/linearizable.ts";
import { emptySpace, naiveStore } from "./support/naive-store.ts";

type Pause = (point: string) => Promise<unknown>;
type Open = (pause: Pause) => Store<"async">;

const stores: Readonly<Record<string, Open>> = {
  memory: (pause) => asyncStore(memoryStore(), { pause }),
  naive: (pause) => asyncStore(naiveStore(), { pause }),
  sqlite: (pause) => asyncStore(sqliteStore({ path: ":memory:" }), { pause }),
  "sqlite, which asks for each row": (pause) =>
    asyncStore(sqliteStore({ database: new DatabaseSync(":memory:") }), { pause }),
};

/** Lets callers work on one store in an order that the scheduler chooses, and returns what they saw. */
async function race(scheduler: fc.Scheduler, open: Open, works: readonly Caller["work"][]): Promise<History> {
  const store = open(async (point) => scheduler.schedule(Promise.resolve(), point));
  const seen = history(store);
  await scheduler.waitFor(Promise.all(works.map(async (work, id) => work(seen, id))));
  await scheduler.waitFor(store.close());
  return seen;
}

/** Puts an entry under each key. */
async function seeded(seen: History): Promise<void> {
  for (const key of ["a", "b"]) {
    await seen.make({ call: "put", entry: entry(key, `s-${key}`), expected: null, now });
  }
}

describe.each(Object.entries(stores))("calls at once: %s", (_, open) => {
  test("are one after the other to everybody who sees them", async () => {
    const property = fc.asyncProperty(fc.scheduler(), callers, async (scheduler, all) => {
      const seen = await race(scheduler, open, [seeded, ...all.map(({ work }) => work)]);
      expect(isLinearizable(seen.calls)).toBe(true);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  test("lose no update", async () => {
    const property = fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 5 }), async (scheduler, writers) => {
      let value: unknown;
      await race(scheduler, open, [
        async (seen) => {
          await seeded(seen);
          const work = Array.from({ length: writers }, async (_, id) => increment(seen, "a", id));
          expect(await Promise.all(work)).toEqual(work.map(() => "done"));
          value = (await seen.make<{ value: string }>({ call: "get", key: "a", now })).value;
        },
      ]);
      expect(value).toBe(String(writers));
    });
    await fc.assert(property, { numRuns: 100 });
  });

  test("revive nothing after a delete", async () => {
    const property = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      await race(scheduler, open, [
        async (seen) => {
          await seeded(seen);
          const to = { touchedAt: now, expiresAt: now + 9_000_000 };
          const writers = [0, 1, 2].map(async (id) => increment(seen, "a", id));
          const touches = ["s-a", "w0.0", "w1.0"].map(async (rev) =>
            seen.make({ call: "touch", key: "a", rev, to, now }),
          );
          await seen.make({ call: "delete", key: "a" });
          expect(await seen.make({ call: "get", key: "a", now })).toBeUndefined();
          await Promise.all([...writers, ...touches]);
          expect(await seen.make({ call: "get", key: "a", now })).toBeUndefined();
          expect(await seen.make({ call: "count", now })).toBe(1);
        },
      ]);
    });
    await fc.assert(property, { numRuns: 100 });
  });

  test("let a revocation beat the inserts in flight, and no later one", async () => {
    const property = fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      await race(scheduler, open, [
        async (seen) => {
          const login = async (key: string, expected: null | "any"): Promise<Put> => {
            // Whatever the dates of its node are.
            const made = entry(key, `rev ${key}`, { owner: "ann", createdAt: now + (key < "k2" ? 9_000_000 : 0) });
            return seen.make<Put>({ call: "put", entry: made, expected, now });
          };
          const before = [0, 1, 2, 3].map(async (id) => login(`k${id}`, id % 2 === 0 ? null : "any"));
          const gone = await seen.make<unknown[]>({ call: "revokeOwner", owner: "ann", except: undefined });
          expect((await login("later", null)).outcome).toBe("stored");
          const stored = (await Promise.all(before)).filter(({ outcome }) => outcome === "stored").length;
          const left = await seen.make<{ key: string }[]>({ call: "listByOwner", owner: "ann", limit: 10, now });
          expect(gone.length).toBe(stored);
          expect(left.map(({ key }) => key)).toEqual(["later"]);
        },
      ]);
    });
    await fc.assert(property, { numRuns: 100 });
  });
});

/** Stores that are not one step: each reads, waits, and then writes. */
const torn: Readonly<Record<string, Open>> = {
  put(pause) {
    const store = asyncStore(naiveStore(), { pause });
    return {
      ...store,
      async put(entry, expected, now) {
        const there = await store.get(entry.key, now);
        const met = expected === "any" || (there?.rev ?? null) === expected;
        return store.put(entry, met ? "any" : expected, now);
      },
    };
  },
  delete(pause) {
    const store = asyncStore(naiveStore(), { pause });
    return {
      ...store,
      async delete(key) {
        const there = await store.get(key, now);
        await store.delete(key);
        return there;
      },
    };
  },
  revokeOwner(pause) {
    const space = emptySpace();
    const [inner, store] = [naiveStore(space), asyncStore(naiveStore(space), { pause })];
    return {
      ...store,
      async revokeOwner(owner, except) {
        await pause("removes");
        const gone = inner.revokeOwner(owner, except);
        space.revocations.delete(owner);
        await pause("remembers");
        space.revocations.set(owner, ++space.revoked);
        return gone;
      },
    };
  },
  count(pause) {
    const store = asyncStore(naiveStore(), { pause });
    let cached: Promise<number> | undefined;
    return { ...store, count: async (now) => (cached ??= store.count(now)) };
  },
};

describe("the checker of histories", () => {
  test.each(Object.entries(torn))("finds a %s that is more than one step", async (_, open) => {
    const property = fc.asyncProperty(fc.scheduler(), callers, async (scheduler, all) => {
      const works = all.map(({ work }) => work);
      const seen = await race(scheduler, open, [seeded, ...works, ...works]);
      return isLinearizable(seen.calls);
    });
    expect((await fc.check(property, { numRuns: 1_000 })).failed).toBe(true);
  });

  const put = { call: "put", entry: entry("a", "one"), expected: null, now } as const;
  const get = { call: "get", key: "a", now } as const;
  const stored = { outcome: "stored", removed: [] };

  test("accepts either answer while the write is open", () => {
    const write = { operation: put, answer: stored, requested: 0, answered: 3 };
    for (const answer of [undefined, put.entry]) {
      expect(isLinearizable([write, { operation: get, answer, requested: 1, answered: 2 }])).toBe(true);
    }
  });

  test("accepts no old answer once the write was answered, and no new one before it was requested", () => {
    const write = { operation: put, answer: stored, requested: 2, answered: 3 };
    expect(isLinearizable([write, { operation: get, answer: undefined, requested: 4, answered: 5 }])).toBe(false);
    expect(isLinearizable([write, { operation: get, answer: put.entry, requested: 0, answered: 1 }])).toBe(false);
  });

  test("accepts no new answer that an old one follows", () => {
    const write = { operation: put, answer: stored, requested: 0, answered: 9 };
    const first = { operation: get, answer: put.entry, requested: 1, answered: 2 };
    const second = { operation: get, answer: undefined, requested: 3, answered: 4 };
    expect(isLinearizable([write, first, second])).toBe(false);
    expect(isLinearizable([write, { ...first, answer: undefined }, { ...second, answer: put.entry }])).toBe(true);
  });
});
