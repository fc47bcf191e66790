import { describe, expect, test } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import { manualTimer } from "../../../src/testing/index.ts";
import { bench, turns } from "./support/bench.ts";
import { SharedStore } from "./support/shared-store.ts";

describe("strict", () => {
  test("propagated resolves maxStale after the call, and a thousandth", async () => {
    const { near, pass } = await bench({ maxStale: 200 });
    let isResolved = false;
    const waiting = near.propagated?.().then(() => (isResolved = true));
    await pass(200);
    expect(isResolved).toBe(false);
    await pass(1);
    expect(isResolved).toBe(true);
    await waiting;
  });

  test("a timer that is early is waited for again", async () => {
    const timer = manualTimer();
    const early = { ...timer, after: (delay: number, run: () => void) => timer.after(delay - 0.9, run) };
    const { near } = await bench({ maxStale: 10, timer: early });
    let isResolved = false;
    void near.propagated?.().then(() => (isResolved = true));
    for (let turn = 0; turn < 10; turn++) {
      timer.advance(1);
      await turns();
      expect(isResolved).toBe(false);
    }
    timer.advance(1);
    await turns();
    expect(isResolved).toBe(true);
  });

  test("is the default; without it there is nothing to wait for", async () => {
    expect((await bench()).near.propagated).toBeTypeOf("function");
    expect((await bench({ strict: false })).near.propagated).toBeUndefined();
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
    [{ maxStale: "61s" }, "Expected `maxStale` to be at most 1m, got 61s"],
    [{ maxstale: "1s" }, 'such as `maxStale`, got "maxstale"'],
  ])("%o is refused", (options, message) => {
    expect(() => nearCache(store, options as object)).toThrow(message);
  });

  test("a store that cannot be watched is refused", () => {
    const { watch: _, ...unwatched } = store;
    expect(() => nearCache(unwatched)).toThrow(TypeError);
    expect(() => nearCache(memoryStore() as never)).toThrow(
      "Expected `store` to be asynchronous and to have a `watch`, got an object",
    );
    expect(() => nearCache(undefined as never)).toThrow(TypeError);
  });
});
