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

/** The same store as if it were remote. Its puts can be held on their way. */
export function remoteStore(): { readonly store: Store<"async">; readonly held: HeldWrites; writes(): number } {
  const { store, writes } = countedStore();
  const held = heldWrites();
  const pause = async (point: string): Promise<void> => (point === "put sent" ? held.pass() : undefined);
  return { store: asyncStore(store, { pause }), held, writes };
}
