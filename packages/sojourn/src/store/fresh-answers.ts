/** For calls that no older copy of an entry may decide, on stores that otherwise may answer from one. */
import { wait, type Mode, type Steps } from "./reply.ts";
import type { GetOptions, Store } from "./store.ts";

/** For what changes an entry, or turns somebody away. */
export const FRESH: GetOptions = Object.freeze({ fresh: true });

/** Before every expiry: read as of then, an entry that has expired and is not yet reclaimed is still there. */
export const LONG_AGO = 0;

/**
 * Waits until no node can answer any more from before what was just changed. On a store that has no older copies,
 * that is now.
 */
export function* afterPropagation(store: Store): Steps<void> {
  if (store.propagated !== undefined) yield* wait<Mode, void>(store.propagated());
}
