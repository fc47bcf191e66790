/** Law 3: every change of a session is a compare-and-set, and the one that comes second is made anew. */
import { ConflictError } from "../errors.ts";
import type { Mode, Reply } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { uniqueRev } from "../tokens/token.ts";
import { FRESH, reportConflict, reportEnds, type Context } from "./context.ts";

/** How often a change that lost is made anew, before it is a conflict. */
const MAX_ATTEMPTS = 64;

/** What a change makes of an entry: another state to write, or an answer without one. */
export type Step<M extends Mode, T> = Written<T> | { readonly answer: () => Reply<M, T> };

interface Written<T> {
  readonly write: Pick<Entry, "meta"> & Partial<Entry>;
  readonly stored: (entry: Entry) => T;
}

/** A change of one session. */
export interface SessionChange<M extends Mode, T> {
  readonly id: string;
  readonly now: number;
  /** What to do with the entry that is there. It has no effects of its own: it is made anew when others came first. */
  readonly make: (entry: Entry) => Reply<M, Step<M, T | undefined>>;
  /** The answer when there is no live entry, or no more. @default undefined */
  readonly absent?: () => Reply<M, T | undefined>;
}

/**
 * Writes what `make` makes of a live entry over the rev that it was made from. If another write came first, `make`
 * gets the fresh entry.
 *
 * An older copy is good enough to write over: if it is not what is there, the conflict brings what is. For an answer
 * without a write, or a fault, it is not: then the entry is read anew.
 *
 * @throws ConflictError if others came first too often in a row; nothing was changed
 */
export function compareAndSet<Data, M extends Mode, T>(
  context: Context<Data, M>,
  { id, now, make, absent }: SessionChange<M, T>,
): Reply<M, T | undefined> {
  const { store, steps } = context;

  function attempt(entry: Entry | undefined, left: number): Reply<M, T | undefined> {
    if (entry === undefined) return absent === undefined ? steps.of(undefined) : absent();
    return steps.chain(make(entry), (step) => ("answer" in step ? step.answer() : write(entry, step, left)));
  }

  function write(entry: Entry, step: Written<T | undefined>, left: number): Reply<M, T | undefined> {
    // A memo belongs to the state that it was made from.
    const { memo: _, ...old } = entry;
    const next: Entry = { ...old, ...step.write, rev: uniqueRev() };
    return steps.chain(store.put(next, entry.rev, now), (put) => {
      if (put.outcome === "revoked") return steps.of(undefined);
      if (put.outcome === "conflict") {
        // Of a copy that is old nobody knows whether another change came first, or long before.
        if (left <= MAX_ATTEMPTS) reportConflict(context, entry.key, now);
        if (left === 1) throw new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
        return attempt(put.current, left - 1);
      }
      reportEnds(context, put.removed, now, "evicted");
      return steps.of(step.stored(next));
    });
  }

  const fromFresh = (): Reply<M, T | undefined> =>
    steps.chain(store.get(id, now, FRESH), (entry) => attempt(entry, MAX_ATTEMPTS));

  if (store.guarantees.staleMs === 0) return fromFresh();
  return steps.chain(store.get(id, now), (copy) => {
    if (copy === undefined) return attempt(undefined, MAX_ATTEMPTS);
    return steps.chain(
      steps.orElse(() => make(copy), undefined),
      (step) => (step === undefined || "answer" in step ? fromFresh() : write(copy, step, MAX_ATTEMPTS + 1)),
    );
  });
}
