/** A store with one mistake in it, to show that the contract finds it. */
import type { Entry, Store } from "../../../src/store/store.ts";
import type { OpenStore } from "../../../src/testing/index.ts";
import { emptySpace, naiveStore, type Space } from "./naive-store.ts";

export interface PlantedBug {
  /** The rule that it breaks. */
  readonly rule: number;
  readonly name: string;
  /** Opens stores that have the bug, all in one place. */
  readonly place: () => OpenStore;
}

/** What a bug is made from: the right store, what its namespace holds, and what all of its place hold. */
export interface Ground {
  readonly store: Store<"sync">;
  readonly space: Space;
  readonly spaces: Map<string, Space>;
  readonly namespace: string;
}

export type Calls = Partial<Store>;

export function bug(rule: number, name: string, plant: (ground: Ground) => Calls): PlantedBug {
  return { rule, name, place: () => openWith(plant) };
}

function openWith(plant: (ground: Ground) => Calls): OpenStore {
  const spaces = new Map<string, Space>();
  return ({ namespace }) => {
    const space = spaces.get(namespace) ?? emptySpace();
    spaces.set(namespace, space);
    const store = naiveStore(space);
    return { ...store, ...plant({ store, space, spaces, namespace }) };
  };
}

/** Changes what is kept under a key, behind the store's back. */
export function alter(space: Space, key: string, change: (entry: Entry) => Entry): void {
  space.entries = space.entries.map((entry) => (entry.key === key ? change(entry) : entry));
}

export function kept(space: Space, key: string): Entry | undefined {
  return space.entries.find((entry) => entry.key === key);
}
