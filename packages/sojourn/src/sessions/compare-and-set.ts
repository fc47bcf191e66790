/** Law 3: every change of a session is a compare-and-set, and the one that comes second is made anew. */
import { ConflictError } from "../errors.ts";
import type { Mode, Reply } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { uniqueRev } from "../tokens/token.ts";
import { reportConflict, reportEnds, type Context } from "./context.ts";

/** How often a change that lost is made anew, before it is a conflict. */
const MAX_ATTEMPTS = 64;

/** What a change makes of an entry: another state to write, or an answer without one. */
export type Step<M extends Mode, T> =
  | { readonly write: Pick<Entry, "meta"> & Partial<Entry>; readonly stored: (entry: Entry) => T }
  | { readonly answer: Reply<M, T> };

/**
 * Writes what `make` makes of a live entry over the rev that it was made from. If another write came first, `make`
 * gets the fresh entry. The answer is `undefined` when there is no live entry, or no more.
 *
 * @throws ConflictError if others came first too often in a row; nothing was changed
 */
export function compareAndSet<Data, M extends Mode, T>(
  context: Context<Data, M>,
  from: Entry | undefined,
  now: number,
  make: (entry: Entry) => Reply<M, Step<M, T | undefined>>,
): Reply<M, T | undefined> {
  const { store, steps } = context;

  function attempt(entry: Entry | undefined, left: number): Reply<M, T | undefined> {
    if (entry === undefined) return steps.of(undefined);
    return steps.chain(make(entry), (step) => {
      if ("answer" in step) return step.answer;
      // A memo belongs to the state that it was made from.
      const { memo: _, ...old } = entry;
      const next: Entry = { ...old, ...step.write, rev: uniqueRev() };
      return steps.chain(store.put(next, entry.rev, now), (put) => {
        if (put.outcome === "revoked") return steps.of(undefined);
        if (put.outcome === "conflict") {
          reportConflict(context, entry.key, now);
          if (left === 1) throw new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
          return attempt(put.current, left - 1);
        }
        reportEnds(context, put.removed, now, "evicted");
        return steps.of(step.stored(next));
      });
    });
  }

  return attempt(from, MAX_ATTEMPTS);
}
