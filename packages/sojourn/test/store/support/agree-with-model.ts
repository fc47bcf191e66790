/** Random calls on two stores of one namespace, held against the model. */
import fc from "fast-check";
import type { Store } from "../../../src/store/store.ts";
import { commands, World } from "./commands.ts";
import { Model } from "./model.ts";

const DAY = 86_400_000;

/**
 * Makes so many random runs, and answers how many it has made. Throws with the shortest list of calls that it finds, if an
 * answer differs, or an entry does not go exactly once.
 */
export async function agreeWithModel(
  open: (namespace: string) => Store | Promise<Store>,
  numRuns: number,
): Promise<number> {
  let opened = 0;
  const property = fc.asyncProperty(commands(), async (calls) => {
    const namespace = `model-${++opened}`;
    const real = [await open(namespace), await open(namespace)] as const;
    const world = new World(Date.now() + 10 * DAY, new Model(real[0].guarantees));
    try {
      await fc.asyncModelRun(() => ({ model: world, real: [...real] }), calls);
      await world.end(real[0]);
    } finally {
      for (const store of real) await store.close();
    }
  });
  await fc.assert(property, { numRuns });
  return opened;
}
