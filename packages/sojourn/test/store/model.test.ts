import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { commands, World } from "./support/commands.ts";
import { Model } from "./support/model.ts";
import { naiveStore } from "./support/naive-store.ts";
import { sqliteStores, stores } from "./support/stores.ts";

const DAY = 86_400_000;

describe.each([...stores, ...sqliteStores])("the model and $name", ({ twoStores, modelRuns, place }) => {
  const { open, remove } = place();
  afterAll(() => remove?.());
  let opened = 0;

  test("agree on every answer, and every entry goes exactly once", async () => {
    const property = fc.asyncProperty(commands(), async (calls) => {
      const namespace = `model-${++opened}`;
      const real = [await open({ namespace })];
      if (twoStores) real.push(await open({ namespace }));
      const world = new World(Date.now() + DAY, new Model());
      try {
        await fc.asyncModelRun(() => ({ model: world, real }), calls);
        for (const store of real.slice(0, 1)) await world.end(store);
      } finally {
        for (const store of real) await store.close();
      }
    });
    await fc.assert(property, { numRuns: modelRuns });
    expect(opened).toBeGreaterThanOrEqual(modelRuns);
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
