import { describe, expect, test } from "vitest";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import { manualClock, manualTimer } from "../../../src/testing/index.ts";
import { bench, entry, now, turns } from "./support/bench.ts";
import { SharedStore } from "./support/shared-store.ts";

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
