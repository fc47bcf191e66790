/**
 * Asks the store about sessions that are not sure: those that are new here, whose time seems to be up, or of whose end word
 * may have been missed.
 *
 * Time that is up is confirmed before anything is ended, since another process may have extended the session. What has
 * expired is removed by the store's own sweep: of all processes whose clocks say so one removes it, and all are told.
 */
import { FRESH, LONG_AGO } from "../../store/fresh-answers.ts";
import { wait, type Mode, type Reply, type Steps } from "../../store/reply.ts";
import { MAX_PAGE, type Entry, type Head, type Store } from "../../store/store.ts";
import type { Clock } from "../../time/clock.ts";
import { reportEnds, type EventHub } from "../events.ts";
import type { Watched, WatchedSessions } from "./watched-sessions.ts";

/** About how many is asked at once. */
export const BATCH = 64;
/** How many are swept at least where something is due: what has expired before it may stand in front of it. */
const LEAST_SWEPT = 16;

export interface ChecksContext {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: EventHub<never>;
  readonly sessions: WatchedSessions;
  /** Called with each answer of the store. */
  readonly onAnswer: () => void;
}

/** What could not be settled. */
export interface Unsettled {
  /** Those that are not there. Who removed them may be on its way. */
  readonly absent: readonly Watched[];
  /** Those under whose id there is no session that could be read, and why. */
  readonly unreadable: readonly { readonly watched: Watched; readonly error: unknown }[];
}

/** Asks about some sessions, at most {@link BATCH}, and settles what it can. @throws StoreError */
export function* checkSome(context: ChecksContext, which: Iterable<Watched>): Steps<Unsettled> {
  const { store, clock, events, sessions, onAnswer } = context;
  const batch = first(which, BATCH);
  const now = clock.now();
  if (batch.some(({ expiresAt }) => now >= expiresAt)) {
    const limit = Math.min(MAX_PAGE, Math.max(batch.length, LEAST_SWEPT));
    const heads = yield* wait<Mode, readonly Head[]>(store.sweep(now, limit));
    reportEnds(events, heads, now, "evicted");
    onAnswer();
  }
  const left = batch.filter((watched) => sessions.has(watched));
  const found = yield* wait<Mode, Found>(readAll(store, left));
  onAnswer();
  return judge(context, left, found);
}

function first<T>(items: Iterable<T>, most: number): readonly T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length === most) break;
    taken.push(item);
  }
  return taken;
}

type Found = readonly (Entry | undefined)[];

/** What the store has of each, also where its time is up. */
function readAll(store: Store, which: readonly Watched[]): Reply<Mode, Found> {
  const replies = which.map(({ id }) => store.get(id, LONG_AGO, FRESH));
  return store.mode === "sync" ? (replies as Found) : Promise.all(replies);
}

function judge({ sessions, clock }: ChecksContext, which: readonly Watched[], found: Found): Unsettled {
  const absent: Watched[] = [];
  const unreadable: { watched: Watched; error: unknown }[] = [];
  for (const [index, watched] of which.entries()) {
    try {
      if (!sessions.found(watched, found[index], clock.now())) absent.push(watched);
    } catch (error) {
      unreadable.push({ watched, error });
      // It must not stand in front of the others.
      if (sessions.unsure.delete(watched)) sessions.unsure.add(watched);
    }
  }
  return { absent, unreadable };
}
