import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { agreeWithModel } from "./support/agree-with-model.ts";
import { commands, World } from "./support/commands.ts";
import { naiveStore } from "./support/naive-store.ts";
import { sqliteStores, stores } from "./support/stores.ts";

const DAY = 86_400_000;

describe.each([...stores, ...sqliteStores])("the model and $name", ({ twoStores, modelRuns, place }) => {
  const { open, remove } = place();
  afterAll(() => remove?.());

  test("agree on every answer, every entry goes exactly once, and every watch is told of it", async () => {
    const runs = await agreeWithModel((namespace) => open({ namespace }), modelRuns, twoStores ? 2 : 1);
    expect(runs).toBeGreaterThanOrEqual(modelRuns);
  });
});

test("the model finds a mistake that takes several calls to show", async () => {
  const property = fc.asyncProperty(commands(), async (calls) => {
    const store = naiveStore();
    // The second touch of an entry does not make it last longer.
    const touched = new Set<string>();
    const broken: typeof store = {
      ...store,
      touch(key, rev, to, now) {
        const again = touched.has(rev);
        touched.add(rev);
        return again ? store.touch(key, rev, { ...to, expiresAt: now }, now) : store.touch(key, rev, to, now);
      },
    };
    const world = new World(Date.now() + DAY);
    await fc.asyncModelRun(() => ({ model: world, real: [broken] }), calls);
    await world.end(broken);
  });
  expect((await fc.check(property, { numRuns: 1_000 })).failed).toBe(true);
});
