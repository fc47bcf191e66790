import { describe, expect, test } from "vitest";
import { storeContract } from "../../src/testing/index.ts";
import { bugsOfOwners } from "./support/planted-bugs-of-owners.ts";
import { bugsOfPages } from "./support/planted-bugs-of-pages.ts";
import { bugsOfReads } from "./support/planted-bugs-of-reads.ts";
import { bugsOfFaults, bugsOfSteps } from "./support/planted-bugs-of-steps.ts";
import { bugsOfTotals } from "./support/planted-bugs-of-totals.ts";
import { bugsOfWatches } from "./support/planted-bugs-of-watches.ts";
import { bugsOfWrites } from "./support/planted-bugs-of-writes.ts";
import type { PlantedBug } from "./support/planted-bug.ts";

const reads = [bugsOfReads, bugsOfPages, bugsOfTotals, bugsOfWatches];
const bugs = [...reads, bugsOfWrites, bugsOfOwners, bugsOfSteps, bugsOfFaults].flat();

/** What the cases of the broken rule say about it. */
async function complaints({ rule, place }: PlantedBug): Promise<string[]> {
  const open = place();
  const found: string[] = [];
  for (const { run } of storeContract.filter((each) => each.rule === rule)) {
    await run(open).catch((error: unknown) => found.push(String(error)));
  }
  return found;
}

describe("the contract finds every planted bug, and names its rule", () => {
  test.each(bugs)("rule $rule: $name", async (bug) => {
    const found = await complaints(bug);
    expect(found).not.toEqual([]);
    for (const complaint of found) expect(complaint).toMatch(new RegExp(`^Error: Rule ${bug.rule}, ".+": .+`, "s"));
  });

  test("there are bugs against every rule", () => {
    expect(new Set(bugs.map(({ rule }) => rule)).size).toBe(18);
  });
});
