/** The store contract and the model over a near cache whose link is prompt: then nothing is ever old. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import type { Store } from "../../../src/store/store.ts";
import { storeContract } from "../../../src/testing/index.ts";
import { SharedStore, type SharedNode } from "./support/shared-store.ts";
import { commands, World } from "../support/commands.ts";

const DAY = 86_400_000;

function place(): {
  open(options: { readonly namespace: string }): Promise<Store<"async">>;
  readonly nodes: SharedNode[];
} {
  const spaces = new Map<string, SharedStore>();
  const nodes: SharedNode[] = [];
  return {
    nodes,
    async open({ namespace }) {
      const space = spaces.get(namespace) ?? new SharedStore();
      spaces.set(namespace, space);
      const node = space.node();
      nodes.push(node);
      const store = nearCache(node.store, { max: 3 });
      // Once something was asked for, the heart beats, and copies can be served.
      await store.get("warm", 0);
      return store;
    },
  };
}

describe("the store contract: near cache", () => {
  for (const { rule, name, run } of storeContract) {
    test(`rule ${rule}: ${name}`, async () => expect(await run(place().open)).toBeUndefined());
  }
});

test("the model and two near caches agree on every answer, many of which come from copies", async () => {
  let opened = 0;
  let asked = 0;
  const { open, nodes } = place();
  const property = fc.asyncProperty(commands(), async (calls) => {
    const namespace = `model-${++opened}`;
    const real = [await open({ namespace }), await open({ namespace })].map((store): Store => {
      return { ...store, get: async (key, now) => (asked++, store.get(key, now)) };
    });
    const world = new World(Date.now() + DAY);
    try {
      await fc.asyncModelRun(() => ({ model: world, real }), calls);
      await world.end(real[0] as Store);
    } finally {
      for (const store of real) await store.close();
    }
  });
  await fc.assert(property, { numRuns: 300 });
  const reached = nodes.reduce((sum, { gets }) => sum + gets() - 1, 0);
  expect(reached).toBeLessThan(asked);
  expect(nodes.every(({ link }) => link.isClosed)).toBe(true);
});
