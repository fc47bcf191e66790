/** The checker of histories itself: right where trying everything out can tell, and not to be fooled. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStore } from "../../src/store/memory-store.ts";
import { asyncStore } from "../../src/testing/index.ts";
import { isLinearizable, type SequentialModel } from "./checker.ts";
import { entryWorkload, type EntryAnswer, type EntryCall, type EntryOperation } from "./entry-workload.ts";
import { isFair } from "./level.ts";
import { plantedBugs, plantedOrderBugs } from "./planted-bugs.ts";
import { races } from "./races.ts";
import { random } from "./random.ts";
import type { RevocationAnswer, RevocationCall } from "./revocation-workload.ts";

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

const isFairOf = (...calls: RevocationCall[]): boolean => isFair("revocations", calls);

/** A call of one worker, such as `"create a"`. */
function by(requested: number, answered: number, name: string, answer: RevocationAnswer): RevocationCall {
  const [call, mark] = name.split(" ") as [RevocationCall["operation"]["call"], string];
  return { client: 0, operation: { call, mark, chance: 0 }, answer, requested, answered };
}

const login = (requested: number, answered: number, mark: string, done: boolean, begunBy = requested + 1) =>
  by(requested, answered, `create ${mark}`, { of: mark, done, begunBy });
const end = (requested: number, answered: number, count: number) => by(requested, answered, "end e", { count });
const list = (at: number, ...saw: string[]) => by(at, at + 1, "list l", { saw });

describe("a history of logins and ends", () => {
  test("refuses what began before the end was called, and nothing that began after it resolved", () => {
    expect(isFairOf(login(0, 9, "a", false), end(3, 5, 0), list(10))).toBe(true);
    expect(isFairOf(login(0, 9, "a", true), end(3, 5, 0), list(10, "a"))).toBe(false);
    expect(isFairOf(end(0, 2, 0), login(3, 9, "a", true), list(10, "a"))).toBe(true);
    expect(isFairOf(end(0, 2, 0), login(3, 9, "a", false), list(10))).toBe(false);
  });

  test("lets either be where the login began while the end was under way", () => {
    for (const done of [true, false]) {
      expect(isFairOf(end(0, 5, 0), login(1, 9, "a", done), list(10, ...(done ? ["a"] : [])))).toBe(true);
    }
  });

  test("takes a login from where it was begun", () => {
    const begin = by(0, 1, "begin b", {});
    const create = (done: boolean) => by(6, 7, "createBegun a", { of: "b", done });
    expect(isFairOf(begin, end(2, 4, 0), create(false))).toBe(true);
    expect(isFairOf(begin, end(2, 4, 0), create(true))).toBe(false);
  });

  test("ends each session that is there, and counts it", () => {
    expect(isFairOf(login(0, 1, "a", true), end(3, 5, 1), list(6))).toBe(true);
    expect(isFairOf(login(0, 1, "a", true), end(3, 5, 0), list(6))).toBe(false);
    expect(isFairOf(login(0, 1, "a", true), end(3, 5, 1), list(6, "a"))).toBe(false);
  });

  test("may refuse a worker that has not heard of the end, but once, where the order is not exact", () => {
    const otherEnd = { ...end(0, 2, 0), client: 1 };
    const first = login(3, 4, "a", false);
    expect(isFair("revocations", [otherEnd, first, login(5, 6, "b", true)], false)).toBe(true);
    expect(isFair("revocations", [otherEnd, first, login(5, 6, "b", false)], false)).toBe(false);
    expect(isFair("revocations", [end(0, 2, 0), first], false)).toBe(false);
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
  test.each(["entries", "sessions", "revocations"] as const)("all are fair: %s", async (level) => {
    for (const history of await races(level, [shaken(1)], 100)) expect(isFair(level, history)).toBe(true);
  });

  test.each(Object.entries(plantedBugs))("not all are fair if %s", async (_, plant) => {
    const histories = await races("entries", [plant(shaken(1))], 100);
    expect(histories.filter((history) => !isFair("entries", history)).length).toBeGreaterThan(10);
  });

  test.each(Object.entries(plantedOrderBugs))("not all revocations are fair if %s", async (_, plant) => {
    const histories = await races("revocations", [plant(shaken(1))], 6);
    for (const exactOrder of [true, false]) {
      const foul = histories.filter((history) => !isFair("revocations", history, exactOrder));

      expect(foul.length).toBeGreaterThan(2);
    }
  });
});
