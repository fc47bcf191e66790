/**
 * Asks the store about sessions that are not sure: those that are new here, whose time seems to be up, or of whose end word
 * may have been missed.
 *
 * Time that is up is confirmed before anything is ended, since another process may have extended the session. What has
 * expired is removed by the store's own sweep: of all processes whose clocks say so one removes it, and all are told.
 */
import { FRESH, LONG_AGO } from "../../store/fresh-answers.ts";
import { run, wait, type Mode, type Reply, type Steps } from "../../store/reply.ts";
import { MAX_PAGE, type Entry, type Head, type Store } from "../../store/store.ts";
import type { Clock } from "../../time/clock.ts";
import type { Timer } from "../../time/timer.ts";
import { reportEnds, type EventHub } from "../events.ts";
import type { EndsOptions } from "./ends-options.ts";
import type { Pulse } from "./pulse.ts";
import type { Watched, WatchedSessions } from "./watched-sessions.ts";

/** About how many is asked at once. */
const BATCH = 64;
/** How many are swept at least where something is due: what has expired before it may stand in front of it. */
const LEAST_SWEPT = 16;
/** After how many batches on a store that answers at once everybody else gets a turn. */
const BATCHES_IN_A_ROW = 16;
/** How long after a question that failed the next one is asked, in milliseconds. */
const ASK_AGAIN_AFTER = 100;

const NONE: Unreadable = new Map();

export interface ChecksOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: EventHub<never>;
  readonly sessions: WatchedSessions;
  readonly timer: Timer;
  readonly pulse: Pulse;
  readonly onLost: NonNullable<EndsOptions["onLost"]>;
  /** Resolves when all that was to be told has been; `undefined` where nobody tells, or everybody in the step itself. */
  readonly prove: (() => Promise<void>) | undefined;
}

/** Those under whose id there is something that is no session, and why. */
type Unreadable = ReadonlyMap<Watched, unknown>;

/** What could not be settled. */
interface Unsettled {
  /** Those that are not there. Who removed them may be on its way. */
  readonly absent: readonly Watched[];
  readonly unreadable: Unreadable;
}

export class SessionChecks {
  readonly #options: ChecksOptions;
  #settling: Promise<void> | undefined;
  #isSettling = false;
  #hasDoubts = false;
  /** By the timer. */
  #askAt = 0;
  /** By the time that was waited: when the store last answered, or had nothing to answer. */
  #answeredAt = 0;

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  /** Asks about what is not sure, if it is time to. */
  ask(): void {
    const { sessions, timer, pulse } = this.#options;
    const hasDoubts = sessions.unsure.size > 0;
    if (hasDoubts && !this.#hasDoubts) this.#answeredAt = pulse.waited;
    this.#hasDoubts = hasDoubts;
    if (!hasDoubts || this.#settling !== undefined || timer.elapsed() < this.#askAt) return;
    this.settle().catch(() => {
      this.#askAt = timer.elapsed() + ASK_AGAIN_AFTER;
      if (sessions.size > 0) pulse.within(ASK_AGAIN_AFTER);
    });
  }

  /** Whether the store was asked for so long, and has not answered. */
  isStuck(maxStale: number): boolean {
    const { sessions, pulse } = this.#options;
    return sessions.unsure.size > 0 && pulse.waited - this.#answeredAt >= maxStale;
  }

  /** Asks about all that is not sure. @throws StoreError if something of it could not be told */
  settle(): Promise<void> {
    if (this.#settling !== undefined) return this.#settling;
    const settling = this.#settleAll();
    // On a store that answers at once, all may be done by now.
    if (this.#isSettling) this.#settling = settling;
    return settling;
  }

  /** The same for one of them. @throws StoreError if that could not be told */
  async settleFor(watched: Watched): Promise<void> {
    const { unsure } = this.#options.sessions;
    while (unsure.has(watched)) {
      try {
        await this.settle();
      } catch (error) {
        // It may have been about another one.
        if (unsure.has(watched)) throw error;
      }
    }
  }

  /** Asks about all that are watched, sure or not. @throws StoreError */
  async checkAll(): Promise<void> {
    const all = this.#options.sessions.all();
    const unreadable = new Map<Watched, unknown>();
    for (let from = 0; from < all.length; from += BATCH) {
      for (const [watched, error] of await this.#check(all.slice(from, from + BATCH))) {
        unreadable.set(watched, error);
      }
    }
    for (const error of unreadable.values()) throw error;
  }

  async #settleAll(): Promise<void> {
    const { sessions, timer, pulse, clock } = this.#options;
    const unreadable = new Map<Watched, unknown>();
    this.#isSettling = true;
    try {
      for (let batch = 1; sessions.unsure.size > unreadable.size; batch++) {
        const checked = this.#check(first(sessions.unsure, BATCH, unreadable));
        // Without a turn between them where there is nothing to wait for.
        const more = checked instanceof Promise ? await checked : checked;
        for (const [watched, error] of more) unreadable.set(watched, error);
        if (batch % BATCHES_IN_A_ROW === 0) await new Promise<void>((resolve) => timer.after(0, resolve));
      }
    } finally {
      this.#isSettling = false;
      this.#settling = undefined;
      this.#hasDoubts = sessions.unsure.size > 0;
    }
    if (sessions.size > 0) pulse.within(sessions.nextDeadline - clock.now());
    for (const error of unreadable.values()) throw error;
  }

  /** Asks about some. Without a promise where all is done. What comes back stays unsure. @throws StoreError */
  #check(batch: readonly Watched[]): Promise<Unreadable> | Unreadable {
    const checked = run(this.#options.store.mode, this.#steps(batch));
    if (checked instanceof Promise) return checked.then((unsettled) => this.#settleRest(unsettled));
    return this.#settleRest(checked);
  }

  *#steps(batch: readonly Watched[]): Steps<Unsettled> {
    const { store, clock, events, sessions } = this.#options;
    const now = clock.now();
    if (batch.some(({ expiresAt }) => now >= expiresAt)) {
      const limit = Math.min(MAX_PAGE, Math.max(batch.length, LEAST_SWEPT));
      const heads = yield* wait<Mode, readonly Head[]>(store.sweep(now, limit));
      reportEnds(events, heads, now, "evicted");
      this.#answered();
    }
    const left = batch.filter((watched) => sessions.has(watched));
    const found = yield* wait<Mode, Found>(readAll(store, left));
    this.#answered();
    return this.#judge(left, found);
  }

  #answered(): void {
    this.#answeredAt = this.#options.pulse.waited;
  }

  #judge(which: readonly Watched[], found: Found): Unsettled {
    const { sessions, clock } = this.#options;
    const absent: Watched[] = [];
    const unreadable = new Map<Watched, unknown>();
    for (const [index, watched] of which.entries()) {
      try {
        if (!sessions.found(watched, found[index], clock.now())) absent.push(watched);
      } catch (error) {
        unreadable.set(watched, error);
      }
    }
    return { absent, unreadable };
  }

  #settleRest({ absent, unreadable }: Unsettled): Promise<Unreadable> | Unreadable {
    const { sessions, clock, onLost, prove } = this.#options;
    const finish = (): Unreadable => {
      const now = clock.now();
      for (const watched of absent) sessions.gone(watched, now);
      if (onLost === "recheck") return unreadable;
      sessions.lost(unreadable.keys(), now);
      return NONE;
    };
    return absent.length === 0 || prove === undefined ? finish() : prove().then(finish);
  }
}

type Found = readonly (Entry | undefined)[];

/** What the store has of each, also where its time is up. */
function readAll(store: Store, which: readonly Watched[]): Reply<Mode, Found> {
  const replies = which.map(({ id }) => store.get(id, LONG_AGO, FRESH));
  return store.mode === "sync" ? (replies as Found) : Promise.all(replies as readonly Promise<Entry | undefined>[]);
}

/** The first of some, but for those that are left out. */
function first<T>(items: Iterable<T>, most: number, without: ReadonlyMap<T, unknown>): readonly T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.length === most) break;
    if (!without.has(item)) taken.push(item);
  }
  return taken;
}
