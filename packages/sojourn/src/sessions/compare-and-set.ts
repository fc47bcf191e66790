/** Law 3: every change of a session is a compare-and-set, and the one that comes second is made anew. */
import { ConflictError } from "../errors.ts";
import { FRESH } from "../store/fresh-answers.ts";
import { wait, type Mode, type Reply, type Steps } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { uniqueRev } from "../tokens/token.ts";
import { reportConflict, reportEnds } from "./events.ts";
import type { ManagerContext } from "./manager-context.ts";

/** How often a change that lost is made anew, before it is a conflict. */
const MAX_ATTEMPTS = 64;

/** What a change makes of an entry: another state to write, or an answer without one. */
export type Made<T> = Written<T> | { readonly answer: T };

interface Written<T> {
  readonly write: Pick<Entry, "meta"> & Partial<Entry>;
  readonly stored: (entry: Entry) => T;
}

/** A change of one session. */
export interface SessionChange<T> {
  readonly id: string;
  readonly now: number;
  /** What to do with the entry that is there. It has no effects of its own: it is made anew when others came first. */
  readonly make: (entry: Entry) => Reply<Mode, Made<T>>;
}

/**
 * Writes what `make` makes of a live entry over the rev that it was made from; `undefined` if there is no live entry,
 * or no more. If another write came first, `make` gets the fresh entry.
 *
 * An older copy is good enough to write over: if it is not what is there, the conflict brings what is. For an answer
 * without a write, or a fault, it is not: then the entry is read anew.
 *
 * @throws ConflictError if others came first too often in a row; nothing was changed
 */
export function* compareAndSet<T>(
  { store, events }: Pick<ManagerContext<never, Mode>, "store" | "events">,
  { id, now, make }: SessionChange<T>,
): Steps<T | undefined> {
  let isCopy = store.guarantees.staleMs > 0;
  let entry = yield* wait(store.get(id, now, isCopy ? undefined : FRESH));
  let conflicts = 0;
  while (entry !== undefined) {
    const made: Made<T> | undefined = isCopy ? yield* writeOf(make, entry) : yield* wait(make(entry));
    if (made === undefined) {
      isCopy = false;
      entry = yield* wait(store.get(id, now, FRESH));
      continue;
    }
    if ("answer" in made) return made.answer;
    // A memo belongs to the state that it was made from.
    const { memo: _, ...old } = entry;
    const next: Entry = { ...old, ...made.write, rev: uniqueRev() };
    const put = yield* wait(store.put(next, entry.rev, now));
    if (put.outcome === "stored") {
      reportEnds(events, put.removed, now, "evicted");
      return made.stored(next);
    }
    if (put.outcome === "revoked") return undefined;
    // Of a copy that is old nobody knows whether another change came first, or long before.
    if (!isCopy) reportConflict(events, entry.key, now);
    if (!isCopy && ++conflicts === MAX_ATTEMPTS) {
      throw new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
    }
    isCopy = false;
    entry = put.current;
  }
  return undefined;
}

/** What is to be written over a copy; `undefined` where it is an answer or a fault, which a copy does not decide. */
function* writeOf<T>(make: SessionChange<T>["make"], copy: Entry): Steps<Written<T> | undefined> {
  try {
    const made = yield* wait(make(copy));
    return "write" in made ? made : undefined;
  } catch {
    return undefined;
  }
}
