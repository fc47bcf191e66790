import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { commands, World } from "../support/commands.ts";
import { noRedis } from "../support/redis-binary.ts";
import { redisStores } from "../support/stores.ts";

const DAY = 86_400_000;

describe.skipIf(noRedis).each(redisStores)("the model and Redis, $name", ({ modelRuns, place }) => {
  const { open, remove } = place();
  afterAll(async () => remove?.());
  let opened = 0;

  test("agree on every answer, and every entry goes exactly once", async () => {
    const property = fc.asyncProperty(commands(), async (calls) => {
      const namespace = `model-${++opened}`;
      const real = [await open({ namespace }), await open({ namespace })];
      const world = new World(Date.now() + DAY);
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
