/** Every store that the contract, the model and the races are run against. */
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/index.ts";
import { emptySpace, naiveStore, type Space } from "./naive-store.ts";

export interface StoreUnderTest {
  readonly name: string;
  /** Whether a namespace opened again is a second store on the same entries. */
  readonly twoStores: boolean;
  /** How many random runs the model test makes: fewer where a write waits for a disk. */
  readonly modelRuns: number;
  /** A place for stores of its own: namespaces of two places never meet. */
  place(): Place;
}

export interface Place {
  open(options: { readonly namespace: string }): Store | Promise<Store>;
  /** Frees what the place holds, once its stores are closed. */
  remove?(): void;
}

export const stores: readonly StoreUnderTest[] = [
  { name: "memory", twoStores: false, modelRuns: 300, place: () => ({ open: () => memoryStore() }) },
  {
    name: "memory, behind a network",
    twoStores: false,
    modelRuns: 100,
    place: () => ({ open: () => asyncStore(memoryStore()) }),
  },
  { name: "naive", twoStores: true, modelRuns: 300, place: naivePlace },
];

function naivePlace(): Place {
  const spaces = new Map<string, Space>();
  return {
    open({ namespace }) {
      const space = spaces.get(namespace) ?? emptySpace();
      spaces.set(namespace, space);
      return naiveStore(space);
    },
  };
}
