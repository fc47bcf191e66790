/** The checker of histories itself: right where trying everything out can tell, and not to be fooled. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../src/store/memory-store.ts";
import { asyncStore } from "../../src/testing/index.ts";
import { isLinearizable, type SequentialModel } from "./checker.ts";
import { entryWorkload, type EntryAnswer, type EntryCall, type EntryOperation } from "./entry-workload.ts";
import { isFair } from "./level.ts";
import { plantedBugs } from "./planted-bugs.ts";
import { races } from "./races.ts";
import { random } from "./random.ts";

/** A call from one instant to another. */
function call(requested: number, answered: number, operation: EntryOperation, answer?: EntryAnswer): EntryCall {
  return { client: 0, operation, answer, requested, answered };
}

const create = (rev: string): EntryOperation => ({ call: "create", rev });
const update = (from: string, rev: string): EntryOperation => ({ call: "update", from, rev });
const get: EntryOperation = { call: "get" };
const destroy: EntryOperation = { call: "destroy" };
const done: EntryAnswer = { done: true };
const saw = (rev: string): EntryAnswer => ({ saw: rev });

const accepts = (...calls: EntryCall[]): boolean => isLinearizable(calls, entryWorkload.model);

describe("a history by hand", () => {
  test("of nothing is fair", () => expect(accepts()).toBe(true));

  test("may show either side of a write that is under way, but not go back", () => {
    const write = call(0, 9, create("a"), done);
    expect(accepts(write, call(1, 2, get, saw("")), call(3, 4, get, saw("a")))).toBe(true);
    expect(accepts(write, call(1, 2, get, saw("a")), call(3, 4, get, saw("")))).toBe(false);
  });

  test("must show a write that was answered, and none that was not yet asked for", () => {
    expect(accepts(call(0, 1, create("a"), done), call(2, 3, get, saw("")))).toBe(false);
    expect(accepts(call(2, 3, create("a"), done), call(0, 1, get, saw("a")))).toBe(false);
    expect(accepts(call(0, 1, create("a"), done), call(1, 2, get, saw("")))).toBe(true);
  });

  test("may show a write without an answer late, or never, but not take it back", () => {
    const lost = call(0, Infinity, create("a"));
    expect(accepts(lost, call(1, 2, get, saw("")), call(3, 4, get, saw("")))).toBe(true);
    expect(accepts(lost, call(1, 2, get, saw("")), call(3, 4, get, saw("a")))).toBe(true);
    expect(accepts(lost, call(1, 2, get, saw("a")), call(3, 4, get, saw("")))).toBe(false);
    const deleted = call(5, 6, destroy, saw("a"));
    expect(accepts(lost, call(1, 2, get, saw("a")), deleted, call(7, 8, get, saw("")))).toBe(true);
    // It has happened, so it cannot happen again.
    expect(accepts(lost, call(1, 2, get, saw("a")), deleted, call(7, 8, get, saw("a")))).toBe(false);
  });

  test("may hold a lost delete that comes late, but none that nobody asked for", () => {
    const before = [call(0, 1, create("a"), done), call(4, 5, get, saw("a")), call(6, 7, get, saw(""))];
    expect(accepts(...before, call(2, Infinity, destroy))).toBe(true);
    expect(accepts(...before)).toBe(false);
  });

  test("has one winner of two changes over one rev", () => {
    const both = [call(0, 1, create("a"), done), call(2, 5, update("a", "b"), done)];
    expect(accepts(...both, call(2, 5, update("a", "c"), { done: false, saw: "b" }))).toBe(true);
    expect(accepts(...both, call(2, 5, update("a", "c"), done))).toBe(false);
  });

  test("may repeat a write", () => {
    expect(accepts(call(0, Infinity, create("a")), call(1, 2, create("a"), done), call(3, 4, get, saw("a")))).toBe(
      true,
    );
  });
});

/** Tries every order. */
function bruteForce(calls: readonly EntryCall[], { start, step }: SequentialModel<string, EntryCall>): boolean {
  const search = (open: readonly EntryCall[], state: string): boolean => {
    if (open.every(({ answered }) => answered === Infinity)) return true;
    const firstAnswer = Math.min(...open.map(({ answered }) => answered));
    return open.some((each) => {
      if (each.requested > firstAnswer) return false;
      const next = step(state, each);
      const rest = open.filter((other) => other !== each);
      return next !== undefined && search(rest, next);
    });
  };
  return search(calls, start);
}

const revs = fc.constantFrom("a", "b", "c");
const seen = fc.constantFrom("", "a", "b", "c");
const operations: fc.Arbitrary<[EntryOperation, EntryAnswer]> = fc.oneof(
  fc.tuple(revs.map(create), fc.record({ done: fc.boolean(), saw: seen })),
  fc.tuple(
    fc.tuple(revs, revs).map(([from, rev]) => update(from, rev)),
    fc.record({ done: fc.boolean(), saw: seen }),
  ),
  fc.tuple(fc.constantFrom(get, destroy), seen.map(saw)),
);
const histories: fc.Arbitrary<EntryCall[]> = fc.array(
  fc
    .tuple(operations, fc.nat(12), fc.nat(6), fc.boolean())
    .map(([[operation, answer], at, length, lost]) =>
      lost ? call(at, Infinity, operation) : call(at, at + length, operation, answer),
    ),
  { maxLength: 6 },
);

test("the checker says of every small history what trying all orders says", () => {
  let fair = 0;
  const property = fc.property(histories, (calls) => {
    const expected = bruteForce(calls, entryWorkload.model);
    fair += Number(expected);
    expect(isLinearizable(calls, entryWorkload.model)).toBe(expected);
  });
  fc.assert(property, { numRuns: 5_000 });
  expect(fair).toBeGreaterThan(500);
  expect(fair).toBeLessThan(4_500);
});

/** A store behind a line on which calls overtake each other, always in the same way. */
function shaken(seed: number): ReturnType<typeof asyncStore> {
  const { under } = random(seed);
  return asyncStore(memoryStore(), {
    async pause() {
      for (let turns = under(8); turns > 0; turns--) await Promise.resolve();
    },
  });
}

describe("of the races on a store in memory", () => {
  test.each(["entries", "sessions"] as const)("all are fair: %s", async (level) => {
    for (const history of await races(level, [shaken(1)], 100)) expect(isFair(level, history)).toBe(true);
  });

  test.each(Object.entries(plantedBugs))("not all are fair if %s", async (_, plant) => {
    const histories = await races("entries", [plant(shaken(1))], 100);
    expect(histories.filter((history) => !isFair("entries", history)).length).toBeGreaterThan(10);
  });
});
