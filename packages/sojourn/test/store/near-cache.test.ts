import { describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { nearCache, type NearCacheOptions } from "../../src/store/near-cache/near-cache.ts";
import type { Entry, Store } from "../../src/store/store.ts";
import { faultyStore, gate, type Fault } from "../../src/testing/faulty-store.ts";
import { asyncStore, manualClock, manualTimer, type ManualClock, type ManualTimer } from "../../src/testing/index.ts";
import type { HeldLink } from "./near-cache/held-link.ts";
import { SharedStore } from "./near-cache/shared-store.ts";

const now = Date.UTC(2030, 0, 1);
const entry = (key: string, parts: Partial<Entry> = {}): Entry => ({
  key,
  owner: "ann",
  rev: `rev of ${key}`,
  meta: "",
  createdAt: now,
  touchedAt: now,
  expiresAt: now + 60_000,
  value: `value of ${key}`,
  ...parts,
});

interface Bench {
  readonly near: Store<"async">;
  /** The store that all share, past every cache. */
  readonly shared: Store<"sync">;
  readonly link: HeldLink;
  readonly timer: ManualTimer;
  readonly clock: ManualClock;
  gets(): number;
  /** Lets time pass by both clocks, in steps in which a heartbeat can be answered. */
  pass(milliseconds: number): Promise<void>;
  /** Whether a get of this key is answered from the copy. */
  isCopy(key: string): Promise<boolean>;
}

/** A near cache whose heart beats and whose link is proven. */
async function bench(options: NearCacheOptions = {}, faults: readonly Fault[] = []): Promise<Bench> {
  const space = new SharedStore();
  const { store, link, gets } = space.node();
  const timer = manualTimer();
  const clock = manualClock(now);
  const near = nearCache(faultyStore(store, faults), { timer, clock, ...options });
  const pass = async (milliseconds: number): Promise<void> => {
    for (let left = milliseconds; left > 0; left -= 10) {
      timer.advance(Math.min(left, 10));
      clock.advance(Math.min(left, 10));
      await turns();
    }
  };
  const isCopy = async (key: string): Promise<boolean> => {
    const before = gets();
    await near.get(key, now);
    return gets() === before;
  };
  await near.get("warm", now);
  await turns();
  return { near, shared: space.itself, link, timer, clock, gets, pass, isCopy };
}

/** Enough turns of the microtask queue for what is on its way. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

function headsOf(found: Entry | undefined): unknown {
  return found && { rev: found.rev, touchedAt: found.touchedAt, expiresAt: found.expiresAt };
}

describe("a copy", () => {
  test("answers the second get, the same object with its memo", async () => {
    const { near, shared, gets } = await bench();
    shared.put(entry("k"), null, now);
    const before = gets();
    const first = await near.get("k", now);
    if (first?.memo !== undefined) first.memo.decoded = "parsed once";
    const second = await near.get("k", now);
    expect(second).toEqual({ ...entry("k"), memo: { decoded: "parsed once" } });
    expect(gets()).toBe(before + 1);
    expect(Object.isFrozen(second)).toBe(true);
  });

  test("shares no bytes", async () => {
    const { near, shared } = await bench();
    shared.put(entry("k", { value: Uint8Array.of(1, 2) }), null, now);
    for (let turn = 0; turn < 3; turn++) {
      const found = await near.get("k", now);
      expect(found?.value).toEqual(Uint8Array.of(1, 2));
      if (found?.value instanceof Uint8Array) found.value.fill(9);
    }
  });

  test("is never made of absence", async () => {
    const { near, shared } = await bench();
    expect(await near.get("k", now)).toBeUndefined();
    shared.put(entry("k"), null, now);
    expect((await near.get("k", now))?.rev).toBe("rev of k");
  });

  test("past its expiry is no verdict: the store is asked", async () => {
    const { near, shared, link } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    shared.touch("k", "rev of k", { touchedAt: now + 1, expiresAt: now + 120_000 }, now);
    expect((await near.get("k", now + 59_999))?.expiresAt).toBe(now + 60_000);
    expect((await near.get("k", now + 60_000))?.expiresAt).toBe(now + 120_000);
  });

  test("is dropped when the entry changes elsewhere, and all are when everything may have", async () => {
    const { near, shared, link, isCopy } = await bench();
    shared.put(entry("k"), null, now);
    shared.put(entry("l"), null, now);
    for (const key of ["k", "l"]) await near.get(key, now);
    expect(await isCopy("k")).toBe(true);
    shared.delete("k");
    expect(await near.get("k", now)).toBeUndefined();
    expect(await isCopy("l")).toBe(true);
    link.cut();
    link.mend();
    expect(await isCopy("l")).toBe(false);
  });

  test("the least recently used one makes room", async () => {
    const { near, shared, isCopy } = await bench({ max: 2 });
    for (const key of ["a", "b", "c"]) shared.put(entry(key), null, now);
    for (const key of ["a", "b", "a", "c"]) await near.get(key, now);
    expect(await isCopy("a")).toBe(true);
    expect(await isCopy("b")).toBe(false);
  });

  test("is not made of a value over 64 Ki characters", async () => {
    const { near, shared, isCopy } = await bench();
    shared.put(entry("large", { value: "x".repeat(65_537) }), null, now);
    shared.put(entry("small", { value: "x".repeat(65_536) }), null, now);
    for (const key of ["large", "small"]) await near.get(key, now);
    expect(await isCopy("large")).toBe(false);
    expect(await isCopy("small")).toBe(true);
  });

  test("is passed over by a get that asks for what is there now", async () => {
    const { near, shared, link } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    shared.delete("k");
    expect(await near.get("k", now)).toBeDefined();
    expect(await near.get("k", now, { fresh: true })).toBeUndefined();
  });
});

describe("the link", () => {
  test("that hangs: a copy is served for less than maxStale after the question that was answered last", async () => {
    const { near, shared, link, pass } = await bench({ maxStale: 200 });
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    shared.delete("k");
    await pass(199);
    expect(await near.get("k", now)).toBeDefined();
    await pass(1);
    expect(await near.get("k", now)).toBeUndefined();
    expect(link.asked).toBe(2);
    expect(link.mostOpen).toBe(1);
    link.release();
    await turns();
    expect(await near.get("k", now)).toBeUndefined();
  });

  test("an answer that is late counts from its question", async () => {
    const { near, shared, link, pass, isCopy } = await bench({ maxStale: 200 });
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    await pass(70);
    expect(link.asked).toBe(2);
    await pass(150);
    expect(await isCopy("k")).toBe(false);
    link.release();
    await turns();
    // Asked at about 67, answered at 220: good for less than 50 more.
    link.hold();
    expect(await isCopy("k")).toBe(true);
    await pass(30);
    expect(await isCopy("k")).toBe(true);
    await pass(20);
    expect(await isCopy("k")).toBe(false);
    expect(link.mostOpen).toBe(1);
  });

  test("that is cut: reads go through until it is proven, and what is kept until then is forgotten", async () => {
    const { near, shared, link, pass, isCopy } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.cut();
    await pass(200);
    expect(await isCopy("k")).toBe(false);
    shared.put(entry("k", { rev: "second" }), "any", now);
    // It comes back without a word.
    await near.get("k", now);
    shared.put(entry("k", { rev: "third" }), "any", now);
    link.mend();
    await pass(100);
    expect((await near.get("k", now))?.rev).toBe("third");
    expect(await isCopy("k")).toBe(true);
  });

  test("what was loaded before it was proven for the first time is not served", async () => {
    const space = new SharedStore();
    const { store, link } = space.node();
    const timer = manualTimer();
    const near = nearCache(store, { timer, clock: manualClock() });
    space.itself.put(entry("k"), null, now);
    link.hold();
    expect(await near.get("k", now)).toBeDefined();
    // The subscription does not stand yet, and this is not told.
    link.watch(() => {});
    space.itself.delete("k");
    link.release();
    await turns();
    expect(await near.get("k", now)).toBeUndefined();
  });

  test("a machine that slept: its date tells, though the timer stood still", async () => {
    const { near, shared, link, clock, isCopy } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    expect(await isCopy("k")).toBe(true);
    link.hold();
    clock.advance("1h");
    expect(await isCopy("k")).toBe(false);
  });

  test("a date that was set back cannot tell any more: the store is asked until the next proof", async () => {
    const { near, shared, clock, pass, isCopy } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    clock.set(clock.now() - 5_000);
    expect(await isCopy("k")).toBe(false);
    await pass(70);
    expect(await isCopy("k")).toBe(true);
  });

  test("the heart rests when nobody has asked for ten seconds, and beats again at the next get", async () => {
    const { near, shared, link, timer, pass, isCopy } = await bench({ maxStale: 300 });
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    await pass(9_000);
    expect(timer.waiting).toBe(1);
    await pass(2_000);
    expect(timer.waiting).toBe(0);
    const { asked } = link;
    // It told all the while.
    shared.put(entry("k", { rev: "second" }), "any", now);
    expect((await near.get("k", now))?.rev).toBe("second");
    await turns();
    expect(link.asked).toBe(asked + 1);
    expect(await isCopy("k")).toBe(true);
  });

  test("close ends the heartbeat, the watch and the store", async () => {
    const { near, link, timer } = await bench();
    await near.close();
    expect(timer.waiting).toBe(0);
    expect(link.isClosed).toBe(true);
    await expect(near.get("k", now)).rejects.toMatchObject({ code: "store_closed" });
    await near.close();
  });
});

describe("a load", () => {
  test.each(["change", "everything"] as const)("is overtaken by word of %s", async (what) => {
    const held = gate();
    const { near, shared, link, isCopy } = await bench({}, [{ call: "get", nth: 2, fault: "hold-reply", gate: held }]);
    shared.put(entry("k"), null, now);
    const slow = near.get("k", now);
    await held.reached;
    if (what === "change") shared.put(entry("k", { rev: "second" }), "any", now);
    else {
      link.cut();
      shared.put(entry("k", { rev: "second" }), "any", now);
      link.mend();
    }
    held.open();
    expect((await slow)?.rev).toBe("rev of k");
    expect(await isCopy("k")).toBe(false);
    expect((await near.get("k", now))?.rev).toBe("second");
  });

  test("is shared by those who ask meanwhile, each with a copy of its own", async () => {
    const held = gate();
    const { near, shared, gets } = await bench({}, [{ call: "get", nth: 2, fault: "hold", gate: held }]);
    shared.put(entry("k", { value: Uint8Array.of(1) }), null, now);
    const before = gets();
    const all = [near.get("k", now), near.get("k", now), near.get("k", now)];
    await turns();
    held.open();
    const found = await Promise.all(all);
    expect(gets()).toBe(before + 1);
    for (const each of found) {
      expect(each?.value).toEqual(Uint8Array.of(1));
      if (each?.value instanceof Uint8Array) each.value.fill(9);
    }
  });

  test("of nothing, or of what is over, is no answer to those who came later", async () => {
    const held = gate();
    const { near, shared } = await bench({}, [{ call: "get", nth: 2, fault: "hold-reply", gate: held }]);
    const first = near.get("k", now);
    await held.reached;
    const second = near.get("k", now);
    // The watch says nothing of an insert here: it is on its way.
    shared.put(entry("k"), null, now);
    held.open();
    expect(await first).toBeUndefined();
    expect(await second).toBeDefined();
  });

  test("from before maxStale is not joined", async () => {
    const held = gate();
    const { near, shared, link, pass } = await bench({}, [{ call: "get", nth: 2, fault: "hold-reply", gate: held }]);
    shared.put(entry("k"), null, now);
    const slow = near.get("k", now);
    await held.reached;
    link.hold();
    shared.delete("k");
    await pass(200);
    const late = near.get("k", now);
    held.open();
    expect(await slow).toBeDefined();
    expect(await late).toBeUndefined();
  });

  test("that failed is not kept, and fails those who joined it", async () => {
    const { near, shared } = await bench({}, [{ call: "get", nth: 2, fault: "fail" }]);
    shared.put(entry("k"), null, now);
    const [one, two] = await Promise.allSettled([near.get("k", now), near.get("k", now)]);
    expect([one.status, two.status]).toEqual(["rejected", "rejected"]);
    expect((await near.get("k", now))?.rev).toBe("rev of k");
  });

  test("that is refused at once leaves nothing behind", async () => {
    const space = new SharedStore();
    const { store } = space.node();
    let fails = true;
    const near = nearCache({
      ...store,
      get(key, now) {
        if (fails) throw new StoreError("store_unavailable", "At once");
        return store.get(key, now);
      },
    });
    await expect(near.get("k", now)).rejects.toThrow("At once");
    fails = false;
    expect(await near.get("k", now)).toBeUndefined();
    await near.close();
  });
});

describe("what this process writes, it reads, though no word of it comes", () => {
  const writes: Readonly<Record<string, (near: Store<"async">) => Promise<unknown>>> = {
    "a change": async (near) => near.put(entry("k", { rev: "second" }), "rev of k", now),
    "a replacement": async (near) => near.put(entry("k", { rev: "second", owner: null }), "any", now),
    "a delete": async (near) => near.delete("k"),
    "a revocation": async (near) => near.revokeOwner("ann", now),
    "a touch": async (near) => near.touch("k", "rev of k", { touchedAt: now + 5, expiresAt: now + 90_000 }, now),
    "a sweep": async (near) => near.sweep(now + 60_000, 10),
  };

  test.each(Object.entries(writes))("%s", async (_, make) => {
    const { near, shared, link } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    await make(near);
    expect(headsOf(await near.get("k", now))).toEqual(headsOf(shared.get("k", now)));
  });

  test.each(Object.entries(writes))("%s whose reply was lost", async (_, make) => {
    const lost = (["put", "delete", "revokeOwner", "touch", "sweep"] as const).map((call): Fault => {
      return { call, fault: "lose-reply" };
    });
    const { near, shared, link } = await bench({}, lost);
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    await expect(make(near)).rejects.toMatchObject({ code: "store_timeout" });
    expect(headsOf(await near.get("k", now))).toEqual(headsOf(shared.get("k", now)));
  });

  test.each(Object.entries(writes))("%s overtakes the loads that began before it had answered", async (_, make) => {
    const held = gate();
    const { near, shared, link } = await bench({}, [{ call: "get", nth: 2, fault: "hold-reply", gate: held }]);
    shared.put(entry("k"), null, now);
    link.hold();
    const slow = near.get("k", now);
    await held.reached;
    await make(near);
    const after = near.get("k", now);
    held.open();
    await slow;
    expect(headsOf(await after)).toEqual(headsOf(shared.get("k", now)));
    expect(headsOf(await near.get("k", now))).toEqual(headsOf(shared.get("k", now)));
  });

  test("a put that evicts another entry", async () => {
    const watched: Store<"async"> = {
      ...asyncStore(memoryStore({ maxEntries: 1, onFull: "evict-lru" })),
      watch: () => ({ confirm: async () => {}, close: async () => {} }),
    };
    const near = nearCache(watched);
    await near.put(entry("a"), null, now);
    await near.get("warm", now);
    await near.get("a", now);
    await near.put(entry("b"), null, now);
    expect(await near.get("a", now)).toBeUndefined();
    await near.close();
  });

  test("a touch of what the copy is older than", async () => {
    const { near, shared, link } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    shared.put(entry("k", { rev: "second" }), "any", now);
    expect(await near.touch("k", "second", { touchedAt: now + 5, expiresAt: now + 90_000 }, now)).toBe(true);
    expect((await near.get("k", now))?.rev).toBe("second");
  });

  test("a touch moves the copy, and drops it where it is another state of the entry", async () => {
    const { near, shared, isCopy } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    await near.touch("k", "rev of k", { touchedAt: now + 5, expiresAt: now + 90_000 }, now);
    await near.get("k", now);
    expect(await isCopy("k")).toBe(true);
    await near.touch("k", "another rev", { touchedAt: now + 5, expiresAt: now + 90_000 }, now);
    expect(await isCopy("k")).toBe(false);
  });
});

describe("strict", () => {
  test("settle resolves maxStale after the call, and a thousandth", async () => {
    const { near, pass } = await bench({ maxStale: 200 });
    let isSettled = false;
    const settling = near.settle?.().then(() => (isSettled = true));
    await pass(200);
    expect(isSettled).toBe(false);
    await pass(1);
    expect(isSettled).toBe(true);
    await settling;
  });

  test("a timer that is early is waited for again", async () => {
    const timer = manualTimer();
    const early = { ...timer, after: (delay: number, run: () => void) => timer.after(delay - 0.9, run) };
    const { near } = await bench({ maxStale: 10, timer: early });
    let isSettled = false;
    void near.settle?.().then(() => (isSettled = true));
    for (let turn = 0; turn < 10; turn++) {
      timer.advance(1);
      await turns();
      expect(isSettled).toBe(false);
    }
    timer.advance(1);
    await turns();
    expect(isSettled).toBe(true);
  });

  test("is the default; without it there is nothing to wait for", async () => {
    expect((await bench()).near.settle).toBeTypeOf("function");
    expect((await bench({ strict: false })).near.settle).toBeUndefined();
  });
});

describe("options", () => {
  const { store } = new SharedStore().node();

  test("guarantees are those of the store beneath, but for how old an answer can be", () => {
    expect(nearCache(store, { maxStale: "1s" }).guarantees).toEqual({ ...store.guarantees, staleMs: 1_000 });
    expect(nearCache(store).guarantees.staleMs).toBe(200);
  });

  test.each([
    [{ max: 0 }, "Expected `max` to be 1 or more, got 0"],
    [{ max: 1.5 }, "Expected `max` to be 1 or more, got 1.5"],
    [{ maxStale: 0 }, "Expected `maxStale` to be a positive duration"],
    [{ maxStale: "61s" }, "Expected `maxStale` to be at most 60000 ms, got 61000 ms"],
  ] as const)("%o is refused", (options, message) => {
    expect(() => nearCache(store, options)).toThrow(message);
  });

  test("a store that cannot be watched is refused", () => {
    const { watch: _, ...unwatched } = store;
    expect(() => nearCache(unwatched)).toThrow(TypeError);
    expect(() => nearCache(memoryStore() as never)).toThrow("Expected `store` to be asynchronous and to have a `watch`, got an object");
    expect(() => nearCache(undefined as never)).toThrow(TypeError);
  });
});
