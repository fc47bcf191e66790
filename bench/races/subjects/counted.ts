/** Stores of this library that count their writes, and that can be held. */
import { memoryStore, type Store } from "sojourn";
import { asyncStore } from "sojourn/testing";
import { heldWrites, type HeldWrites } from "../subject.ts";

export interface CountedStore {
  readonly store: Store<"sync">;
  writes(): number;
}

/** A store in memory. Every call that can change an entry counts as a write. */
export function countedStore(): CountedStore {
  const store = memoryStore();
  let writes = 0;
  const counted: Store<"sync"> = {
    ...store,
    put: (entry, expected, now) => (writes++, store.put(entry, expected, now)),
    touch: (key, rev, to, now) => (writes++, store.touch(key, rev, to, now)),
    delete: (key) => (writes++, store.delete(key)),
  };
  return { store: counted, writes: () => writes };
}

/** A remote store that counts its writes, and whose puts can be held on their way. */
export interface HeldStore {
  readonly store: Store<"async">;
  readonly held: HeldWrites;
  writes(): number;
}

/** The store in memory as if it were remote. */
export function remoteStore(): HeldStore {
  return heldStore(asyncStore(memoryStore()));
}

/** @param store one that is remote, as it is */
export function heldStore(store: Store<"async">): HeldStore {
  const held = heldWrites();
  let writes = 0;
  const wrapped: Store<"async"> = {
    ...store,
    async put(entry, expected, now) {
      writes++;
      await held.pass();
      return store.put(entry, expected, now);
    },
    touch: async (key, rev, to, now) => (writes++, store.touch(key, rev, to, now)),
    delete: async (key) => (writes++, store.delete(key)),
  };
  return { store: wrapped, held, writes: () => writes };
}
