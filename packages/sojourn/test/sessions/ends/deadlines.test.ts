import fc from "fast-check";
import { expect, test } from "vitest";
import { Deadlines, type Dated } from "../../../src/sessions/ends/deadlines.ts";

interface Item extends Dated {
  readonly name: number;
}

const item = (name: number, expiresAt: number): Item => ({ name, expiresAt, place: -1, placedAt: 0 });

type Step =
  | { readonly do: "add"; readonly at: number }
  | { readonly do: "extend" | "remove" | "add again"; readonly which: number; readonly by: number }
  | { readonly do: "take"; readonly by: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("add" as const), at: fc.nat({ max: 100 }) }),
    fc.record({
      do: fc.constantFrom("extend" as const, "remove" as const, "add again" as const),
      which: fc.nat(),
      by: fc.nat({ max: 30 }),
    }),
    fc.record({ do: fc.constant("take" as const), by: fc.nat({ max: 15 }) }),
  ),
  { maxLength: 200 },
);

/** Every item whose instant has come is taken, and no other one, whatever was moved, removed and added in between. */
function agrees(all: readonly Step[]): void {
  const deadlines = new Deadlines<Item>();
  let kept: Item[] = [];
  let names = 0;
  let now = 0;
  for (const step of all) {
    if (step.do === "add") {
      const made = item(++names, now + step.at);
      deadlines.add(made);
      kept.push(made);
    } else if (step.do === "take") {
      now += step.by;
      const taken: Item[] = [];
      for (let due = deadlines.takeDue(now); due !== undefined; due = deadlines.takeDue(now)) taken.push(due);
      const due = kept.filter(({ expiresAt }) => now >= expiresAt);
      expect(new Set(taken)).toEqual(new Set(due));
      expect(taken.length).toBe(due.length);
      expect(taken.every(({ place }) => place === -1)).toBe(true);
      kept = kept.filter((each) => !due.includes(each));
    } else if (kept.length > 0) {
      const chosen = kept[step.which % kept.length]!;
      if (step.do === "extend") chosen.expiresAt += step.by;
      else if (step.do === "add again") deadlines.add(chosen);
      else {
        deadlines.remove(chosen);
        deadlines.remove(chosen);
        kept = kept.filter((each) => each !== chosen);
      }
    }
    // A beat may come too early for one that was moved, never too late.
    expect(deadlines.next).toBeLessThanOrEqual(Math.min(...kept.map(({ expiresAt }) => expiresAt)));
  }
}

test("takes what is due, and nothing else, in any order of calls", () => {
  fc.assert(fc.property(steps, agrees), { numRuns: 500 });
});

test("has nothing before anything is added, and after all was removed", () => {
  const deadlines = new Deadlines<Item>();
  expect(deadlines.next).toBe(Number.POSITIVE_INFINITY);
  expect(deadlines.takeDue(Number.MAX_SAFE_INTEGER)).toBeUndefined();
  const made = item(1, 5);
  deadlines.add(made);
  expect(deadlines.takeDue(4)).toBeUndefined();
  expect(deadlines.takeDue(5)).toBe(made);
  expect(deadlines.next).toBe(Number.POSITIVE_INFINITY);
});
