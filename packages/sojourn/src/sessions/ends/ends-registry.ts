/**
 * Who is told of ends in this process, and how: one watch on the store's removals, one timer for the next deadline and
 * for the proof that nothing is missing, however many sessions are watched.
 *
 * **What is told.** A removal, whoever made it, comes over the watch; one made here is told in its own call as well, and
 * counts once. When the time of a session seems to be up, the store is asked (`checks.ts`).
 *
 * **What is certain.** The watch is asked again and again to prove that nothing is missing (`link.ts`). What was proven
 * counts for `maxStale`: `isCurrent` is true for so long, by clocks that also tell that the machine slept. Where the watch
 * says that something may be missing, the store is asked about every session. What cannot be told for `maxStale` is lost.
 */
import { GuaranteeError, StoreError } from "../../errors.ts";
import { show } from "../../show.ts";
import { FRESH, LONG_AGO } from "../../store/fresh-answers.ts";
import { run, type Mode } from "../../store/reply.ts";
import type { Removed, Store, Unsubscribe, Watch } from "../../store/store.ts";
import type { Clock } from "../../time/clock.ts";
import { moment } from "../../time/moment.ts";
import { parseSessionId } from "../../tokens/token.ts";
import type { EventHub } from "../events.ts";
import type { ManagerContext } from "../manager-context.ts";
import type { SessionSignal } from "./abort-signal.ts";
import { BATCH, checkSome, type ChecksContext, type Unsettled } from "./checks.ts";
import type { EndedListener, EndsOfManager } from "./ends.ts";
import type { ResolvedEnds } from "./ends-options.ts";
import { endLink, type EndLink } from "./link.ts";
import { pulse, type Pulse } from "./pulse.ts";
import { sessionEnd, toldEnd } from "./session-end.ts";
import { WatchedSessions, type EndListener, type Watched } from "./watched-sessions.ts";

/** How many proofs are asked for within the time for which one counts, so that one may be lost or late. */
const BEATS = 3;
/** Where nothing can be missing: how often it is looked whether the store is closed, in milliseconds. */
const IDLE_BEAT = 1_000;
/** How long after a question that failed the next one is asked, at most, in milliseconds. */
const ASK_AGAIN_AFTER = 100;
/** For how long the watch is kept when nobody waits for anything any more, in milliseconds. */
const REST_AFTER = 10_000;
/** After how many questions on a store that answers at once everybody else gets a turn. */
const ROUNDS_IN_A_ROW = 16;

export class EndsRegistry implements EndsOfManager {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #events: EventHub<never>;
  readonly #options: ResolvedEnds;
  readonly #sessions: WatchedSessions;
  readonly #pulse: Pulse;
  /** Whether the store cannot tell, and is asked about each session now and then. */
  readonly #polls: boolean;
  /** Whether ends are told in the very step in which they happen. */
  readonly #tellsAtOnce: boolean;
  #everywhere: readonly EndedListener[] = [];
  #link: EndLink | undefined;
  #stopHearing: readonly Unsubscribe[] = [];
  #settling: Promise<void> | undefined;
  #isSettling = false;
  #hasDoubts = false;
  #isProving = false;
  #isClosed = false;
  /** By the timer: when to ask for a proof, when to ask about sessions again, when to rest. */
  #proveAt = 0;
  #askAt = 0;
  #restAt = Number.POSITIVE_INFINITY;
  /** By the time that was waited: when the last proof was asked for that was given, and when the store last answered. */
  #provenAt = 0;
  #answeredAt = 0;

  constructor({ store, policy, events }: Omit<ManagerContext<never, Mode>, "codec">, options: ResolvedEnds) {
    this.#store = store;
    this.#clock = policy.clock;
    this.#events = events;
    this.#options = options;
    this.#polls = store.watchRemovals === undefined;
    this.#tellsAtOnce = !this.#polls && store.mode === "sync" && store.guarantees.removalsMs === 0;
    this.#sessions = new WatchedSessions((listener, end) => events.tell(listener, end));
    this.#pulse = pulse(options.timer, () => this.#beat());
  }

  get hasListeners(): boolean {
    return this.#everywhere.length > 0;
  }

  signal(id: string): SessionSignal {
    return this.#sessions.signal(this.#watched(id, (watched) => this.#sessions.signal(watched)));
  }

  watch(id: string, listener: EndListener): Unsubscribe {
    checkListener(listener);
    let hasReturned = false;
    let isOver = false;
    // As of a promise: whoever calls is never told before the call has returned.
    const own: EndListener = (end) => {
      if (hasReturned) return listener(end);
      return Promise.resolve().then(() => (isOver ? undefined : listener(end)));
    };
    const watched = this.#watched(id, (each) => this.#sessions.listen(each, own));
    hasReturned = true;
    return () => {
      isOver = true;
      this.#sessions.unlisten(watched, own);
    };
  }

  onEnded(listener: EndedListener): Unsubscribe {
    checkListener(listener);
    if (this.#polls) throw new GuaranteeError("The store cannot tell of ends elsewhere: it has no `watchRemovals`");
    this.#open();
    const own: EndedListener = (event) => listener(event);
    this.#everywhere = [...this.#everywhere, own];
    return () => {
      this.#everywhere = this.#everywhere.filter((other) => other !== own);
    };
  }

  isCurrent(id: string): boolean {
    const watched = this.#sessions.get(id);
    if (watched === undefined || !this.#sessions.isSure(watched, this.#clock.now())) return false;
    return this.#link?.isFresh() ?? false;
  }

  async confirm(id: string): Promise<boolean> {
    parseSessionId(id);
    const watched = this.#sessions.get(id);
    if (watched === undefined) return (await this.#store.get(id, this.#clock.now(), FRESH)) !== undefined;
    if (this.#polls) this.#sessions.unsure.add(watched);
    else await this.#open().prove();
    this.#sessions.doubtDue(this.#clock.now());
    while (this.#sessions.unsure.has(watched)) await this.#settleFor(watched);
    return this.#sessions.has(watched);
  }

  async #settleFor(watched: Watched): Promise<void> {
    try {
      await this.#settle();
    } catch (error) {
      // It may have been about another one.
      if (this.#sessions.unsure.has(watched)) throw error;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#everywhere = [];
    this.#rest();
    this.#sessions.lost(this.#sessions.all(), this.#clock.now());
  }

  /** Watches an id, and asks about it if it was not watched before. */
  #watched(id: string, attach: (watched: Watched) => unknown): Watched {
    parseSessionId(id);
    this.#open();
    const before = this.#sessions.get(id);
    if (before !== undefined) {
      attach(before);
      return before;
    }
    const entry = this.#store.mode === "sync" ? this.#read(id) : undefined;
    if (this.#sessions.size === 0) this.#provenAt = this.#pulse.waited;
    const watched = this.#sessions.add(id);
    attach(watched);
    if (entry === undefined) this.#ask();
    else {
      const now = this.#clock.now();
      if (!this.#sessions.found(watched, entry.found, now)) this.#sessions.gone(watched, now);
      this.#pulse.within(this.#sessions.nextDeadline - now);
    }
    return watched;
  }

  #open(): EndLink {
    if (this.#isClosed) throw new StoreError("store_closed", "Nothing tells of ends any more: `ends.close` was called");
    this.#restAt = Number.POSITIVE_INFINITY;
    if (this.#link !== undefined) return this.#link;
    const { maxStale, poll, timer } = this.#options;
    const span = this.#polls ? poll + maxStale : maxStale;
    this.#link = endLink(this.#store.watchRemovals?.((removed) => this.#removed(removed)) ?? this.#polling(), {
      span: this.#tellsAtOnce ? Number.POSITIVE_INFINITY : span,
      present: () => moment(timer, this.#clock),
      waited: () => this.#pulse.waited,
      onProven: (askedAt) => (this.#provenAt = askedAt),
    });
    this.#stopHearing = (["refreshed", "reauthenticated"] as const).map((type) =>
      this.#events.on(type, ({ session }) => this.#sessions.extend(session.id, session.expiresAt)),
    );
    this.#events.onEnd = (head, end) => this.#sessions.ended(head, end);
    this.#provenAt = this.#pulse.waited;
    this.#proveAt = timer.elapsed();
    this.#pulse.within(0);
    return this.#link;
  }

  /** In the place of a watch. */
  #polling(): Watch {
    return {
      confirm: async () => {
        const all = this.#sessions.all();
        for (let from = 0; from < all.length; from += BATCH) await this.#check(all.slice(from, from + BATCH));
      },
      async close() {},
    };
  }

  #rest(): void {
    this.#pulse.stop();
    this.#link?.close();
    this.#link = undefined;
    for (const stop of this.#stopHearing) stop();
    this.#stopHearing = [];
    this.#events.onEnd = undefined;
  }

  #removed(removed: Removed | null): void {
    if (removed === null) {
      this.#sessions.doubtAll();
      this.#ask();
      return;
    }
    const { head } = removed;
    if (this.#everywhere.length === 0 && this.#sessions.get(head.key) === undefined) return;
    const told = toldEnd(removed, this.#clock.now());
    if (told === undefined) return;
    this.#sessions.ended(head, told);
    const { session, at } = sessionEnd(head, told);
    const event = Object.freeze({ session, reason: told.reason, at });
    for (const listener of this.#everywhere) this.#events.tell(listener, event);
  }

  /** What is done at each beat. Answers in how many milliseconds the next one has to come. */
  #beat(): number | undefined {
    const { maxStale, poll, timer } = this.#options;
    const present = timer.elapsed();
    const now = this.#clock.now();
    if (this.#sessions.size === 0 && this.#everywhere.length === 0) {
      if (present >= this.#restAt) {
        this.#rest();
        return undefined;
      }
      this.#restAt = Math.min(this.#restAt, present + REST_AFTER);
    }
    if (!this.#isProving && present >= this.#proveAt) void this.#prove();
    this.#sessions.doubtDue(now);
    this.#ask();
    this.#judgeLoss(now);
    const { unsure, nextDeadline } = this.#sessions;
    const pause = this.#polls ? poll : maxStale / BEATS;
    const waits = [nextDeadline - now];
    if (!this.#tellsAtOnce || unsure.size > 0) waits.push(pause);
    if (!this.#isProving) waits.push(this.#proveAt - present);
    if (unsure.size > 0) waits.push(ASK_AGAIN_AFTER);
    return Math.min(...waits);
  }

  async #prove(): Promise<void> {
    const { maxStale, poll, timer } = this.#options;
    const pause = this.#polls ? poll : this.#tellsAtOnce ? IDLE_BEAT : maxStale / BEATS;
    const before = timer.elapsed();
    this.#isProving = true;
    try {
      await this.#link?.prove();
      this.#proveAt = before + pause;
    } catch {
      this.#proveAt = timer.elapsed() + Math.min(pause, ASK_AGAIN_AFTER);
    } finally {
      this.#isProving = false;
      if (this.#link !== undefined) this.#pulse.within(this.#proveAt - timer.elapsed());
    }
  }

  /** Asks about what is not sure, if it is time to. */
  #ask(): void {
    const { timer } = this.#options;
    const hasDoubts = this.#sessions.unsure.size > 0;
    // From now on an answer is waited for.
    if (hasDoubts && !this.#hasDoubts) this.#answeredAt = this.#pulse.waited;
    this.#hasDoubts = hasDoubts;
    if (!hasDoubts || this.#settling !== undefined || timer.elapsed() < this.#askAt) return;
    this.#settle().catch(() => {
      this.#askAt = timer.elapsed() + ASK_AGAIN_AFTER;
      if (this.#link !== undefined) this.#pulse.within(ASK_AGAIN_AFTER);
    });
  }

  /** Asks about all that is not sure. @throws StoreError if something of it could not be told */
  #settle(): Promise<void> {
    if (this.#settling !== undefined) return this.#settling;
    const settling = this.#settleAll();
    // On a store that answers at once, all may be done by now.
    if (this.#isSettling) this.#settling = settling;
    return settling;
  }

  async #settleAll(): Promise<void> {
    this.#isSettling = true;
    try {
      for (let round = 1; this.#sessions.unsure.size > 0 && !this.#isClosed; round++) {
        const checked = this.#check(this.#sessions.unsure);
        if (checked !== undefined) await checked;
        // Elsewhere nothing would get its turn on a store that answers at once.
        if (round % ROUNDS_IN_A_ROW === 0) await new Promise<void>((resolve) => this.#options.timer.after(0, resolve));
      }
    } finally {
      this.#isSettling = false;
      this.#settling = undefined;
      this.#hasDoubts = this.#sessions.unsure.size > 0;
    }
    if (this.#link !== undefined) this.#pulse.within(this.#sessions.nextDeadline - this.#clock.now());
  }

  /** Asks about some. Without a promise where all is done. @throws StoreError if something could not be told */
  #check(which: Iterable<Watched>): Promise<void> | undefined {
    const context: ChecksContext = {
      store: this.#store,
      clock: this.#clock,
      events: this.#events,
      sessions: this.#sessions,
      onAnswer: () => (this.#answeredAt = this.#pulse.waited),
    };
    const checked = run(this.#store.mode, checkSome(context, which));
    if (checked instanceof Promise) return checked.then((unsettled) => this.#settleRest(unsettled));
    return this.#settleRest(checked);
  }

  #settleRest({ absent, unreadable }: Unsettled): Promise<void> | undefined {
    const finish = (): undefined => {
      const now = this.#clock.now();
      for (const watched of absent) this.#sessions.gone(watched, now);
      for (const { watched, error } of unreadable) {
        if (this.#options.onLost === "recheck") throw error;
        this.#sessions.lost([watched], now);
      }
    };
    // Who removed them may be on its way, unless nobody tells, or everybody at once.
    if (absent.length === 0 || this.#polls || this.#tellsAtOnce) return finish();
    return this.#open().prove().then(finish);
  }

  /** Ends what nobody can tell any more. */
  #judgeLoss(now: number): void {
    const { maxStale, onLost, poll } = this.#options;
    if (onLost === "recheck") return;
    const { waited } = this.#pulse;
    const allowed = maxStale + (this.#polls ? poll : this.#tellsAtOnce ? IDLE_BEAT : 0);
    if (waited - this.#provenAt >= allowed) this.#sessions.lost(this.#sessions.all(), now);
    else if (this.#sessions.unsure.size > 0 && waited - this.#answeredAt >= maxStale) {
      this.#sessions.lost([...this.#sessions.unsure], now);
    }
  }

  /** Reads an entry of a store that answers at once. */
  #read(id: string): { readonly found: ReturnType<Store<"sync">["get"]> } {
    return { found: (this.#store as Store<"sync">).get(id, LONG_AGO, FRESH) };
  }
}

function checkListener(listener: unknown): void {
  if (typeof listener !== "function") {
    throw new TypeError(`Expected a listener to be a function, got ${show(listener)}`);
  }
}
