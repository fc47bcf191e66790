import type { Store } from "../store/store.ts";
import type { StoreCall } from "./faulty-store.ts";

/** Options of `asyncStore`. */
export interface AsyncStoreOptions {
  /**
   * Called when a request is on its way, and again when its answer is; the call goes on when the promise resolves.
   * With fast-check: `(point) => scheduler.schedule(Promise.resolve(), point)`.
   * @default one turn of the microtask queue
   */
  readonly pause?: (point: `${StoreCall} ${"sent" | "answered"}`) => Promise<unknown>;
}

/**
 * A synchronous store that is called like a remote one: every call is a promise, with a pause before it happens and one
 * after it. The calls themselves stay one step each, so that what a test finds by reordering them is in the caller.
 *
 * @example
 * ```ts
 * import { createSessions, memoryStore } from "sojourn";
 * import { asyncStore } from "sojourn/testing";
 *
 * const sessions = createSessions({ store: asyncStore(memoryStore()) });
 * const { token } = await sessions.create("ann");
 * console.log((await sessions.authenticate(token))?.userId); // ann
 * ```
 */
export function asyncStore(store: Store<"sync">, { pause = async () => {} }: AsyncStoreOptions = {}): Store<"async"> {
  async function send<T>(call: StoreCall, make: () => T): Promise<T> {
    await pause(`${call} sent`);
    try {
      return make();
    } finally {
      await pause(`${call} answered`);
    }
  }

  const { watch, watchRemovals } = store;
  return {
    mode: "async",
    guarantees: store.guarantees,
    get: async (key, now, options) => send("get", () => store.get(key, now, options)),
    // Begun when it is called, not when it arrives.
    put: async (entry, expected, now, begun = store.begin()) =>
      send("put", () => store.put(entry, expected, now, begun)),
    begin: () => store.begin(),
    delete: async (key, note) => send("delete", () => store.delete(key, note)),
    list: async (options, now) => send("list", () => store.list(options, now)),
    close: async () => send("close", () => store.close()),
    touch: async (key, rev, to, now) => send("touch", () => store.touch(key, rev, to, now)),
    listByOwner: async (owner, options, now) => send("listByOwner", () => store.listByOwner(owner, options, now)),
    revokeOwner: async (owner, except, note) => send("revokeOwner", () => store.revokeOwner(owner, except, note)),
    count: async (now) => send("count", () => store.count(now)),
    sweep: async (now, limit) => send("sweep", () => store.sweep(now, limit)),
    ...(watch && { watch: (onChange) => watch.call(store, onChange) }),
    ...(watchRemovals && { watchRemovals: (onRemoved) => watchRemovals.call(store, onRemoved) }),
  };
}
