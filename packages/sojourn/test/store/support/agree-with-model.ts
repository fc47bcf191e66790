/** Random calls on stores of one namespace, held against the model. */
import fc from "fast-check";
import type { Store } from "../../../src/store/store.ts";
import { equal } from "../../../src/testing/expect.ts";
import { commands, toldOf, World } from "./commands.ts";
import { Model } from "./model.ts";

const DAY = 86_400_000;

/**
 * Makes so many random runs, and answers how many it has made. Throws with the shortest list of calls that it finds, if an
 * answer differs, an entry does not go exactly once, or one that went is not told exactly once to who watches.
 */
export async function agreeWithModel(
  open: (namespace: string) => Store | Promise<Store>,
  numRuns: number,
  storeCount: 1 | 2 = 2,
): Promise<number> {
  let opened = 0;
  const property = fc.asyncProperty(commands(), async (calls) => {
    const namespace = `model-${++opened}`;
    const first = await open(namespace);
    const real = storeCount === 1 ? [first] : [first, await open(namespace)];
    const world = new World(Date.now() + 10 * DAY, new Model(first.guarantees));
    const watches = await Promise.all(real.map(watching));
    try {
      await fc.asyncModelRun(() => ({ model: world, real }), calls);
      await world.end(first);
      for (const told of watches) equal((await told?.())?.sort(), told && world.toBeTold.sort(), "what a watch told");
    } finally {
      for (const store of real) await store.close();
    }
  });
  await fc.assert(property, { numRuns });
  return opened;
}

/** What a watch tells, asked for when it is complete; `undefined` where the store cannot tell. */
async function watching(store: Store): Promise<(() => Promise<string[]>) | undefined> {
  const told: string[] = [];
  const watch = store.watchRemovals?.((removed) =>
    told.push(removed === null ? "null" : toldOf(removed.head, removed.note)),
  );
  if (watch === undefined) return undefined;
  await watch.confirm();
  told.length = 0;
  return async () => {
    await watch.confirm();
    return told;
  };
}
