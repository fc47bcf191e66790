/**
 * Who is told of ends in this process, and how: one watch on the store's removals, one timer for the next deadline and
 * for the proof that nothing is missing, however many sessions are watched.
 *
 * **What is told.** A removal, whoever made it, comes over the watch; one made here is told in its own call as well, and
 * counts once. When the time of a session seems to be up, the store is asked (`checks.ts`). While somebody hears all ends,
 * what has expired is removed every second (`expiry-sweep.ts`).
 *
 * **What is certain.** The watch is asked again and again to prove that nothing is missing (`link.ts`). What was proven
 * counts for `maxStale`: `isCurrent` is true for so long, by clocks that also tell that the machine slept. Where the watch
 * says that something may be missing, the store is asked about every session. What cannot be told for `maxStale` is lost.
 */
import { GuaranteeError, StoreError } from "../../errors.ts";
import { show } from "../../show.ts";
import { FRESH, LONG_AGO } from "../../store/fresh-answers.ts";
import type { Mode } from "../../store/reply.ts";
import type { Entry, Removed, Store, Unsubscribe, Watch } from "../../store/store.ts";
import type { Clock } from "../../time/clock.ts";
import { moment } from "../../time/moment.ts";
import { isAdoptedId, parseSessionId } from "../../tokens/token.ts";
import type { EventHub } from "../events.ts";
import type { ManagerContext } from "../manager-context.ts";
import { sessionHead } from "../record.ts";
import type { SessionSignal } from "./abort-signal.ts";
import { SessionChecks } from "./checks.ts";
import type { EndedListener, EndsOfManager } from "./ends.ts";
import type { ResolvedEnds } from "./ends-options.ts";
import { expirySweep } from "./expiry-sweep.ts";
import { endLink, type EndLink } from "./link.ts";
import { LISTENING, pulse, type Pulse } from "./pulse.ts";
import { toldEnd } from "./session-end.ts";
import { WatchedSessions, type EndListener, type Watched } from "./watched-sessions.ts";

/** How many proofs are asked for within the time for which one counts, so that one may be lost or late. */
const BEATS = 3;
/** After how many turns, at least, in which an answer could have been heard, nobody waits for it any more. */
const LEAST_TURNS = 20;
/** Where nothing can be missing: how often it is looked whether the store is closed, in milliseconds. */
const IDLE_BEAT = 1_000;
/** How long after a question that failed the next one is asked, at most, in milliseconds. */
const ASK_AGAIN_AFTER = 100;
/** For how long the watch is kept when nobody waits for anything any more, in milliseconds. */
const REST_AFTER = 10_000;

export class EndsRegistry implements EndsOfManager {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #events: EventHub<never>;
  readonly #options: ResolvedEnds;
  readonly #sessions: WatchedSessions;
  readonly #checks: SessionChecks;
  readonly #pulse: Pulse;
  readonly #sweep: () => void;
  /** Whether the store cannot tell, and is asked about each session now and then. */
  readonly #polls: boolean;
  /** Whether ends are told in the very step in which they happen. */
  readonly #tellsAtOnce: boolean;
  /** Between two proofs, in milliseconds. */
  readonly #pause: number;
  #everywhere: readonly EndedListener[] = [];
  #link: EndLink | undefined;
  #stopHearing: readonly Unsubscribe[] = [];
  #isProving = false;
  #isClosed = false;
  /** By the timer: when to ask for a proof, when to rest. */
  #proveAt = 0;
  #restAt = Number.POSITIVE_INFINITY;
  /** By the time that was waited: when the last proof was asked for that was given. */
  #provenAt = 0;

  constructor({ store, policy, events }: Omit<ManagerContext<never, Mode>, "codec">, options: ResolvedEnds) {
    this.#store = store;
    this.#clock = policy.clock;
    this.#events = events;
    this.#options = options;
    this.#polls = store.watchRemovals === undefined;
    this.#tellsAtOnce = !this.#polls && store.mode === "sync" && store.guarantees.removalsMs === 0;
    const { maxStale, poll } = options;
    this.#pause = this.#polls ? poll : this.#tellsAtOnce ? IDLE_BEAT : maxStale / BEATS;
    this.#sessions = new WatchedSessions((listener, end) => events.tell(listener, end));
    this.#pulse = pulse(options.timer, () => this.#beat());
    const common = { store, clock: policy.clock, events, timer: options.timer };
    this.#sweep = expirySweep({ ...common, isWanted: () => this.hasListeners });
    this.#checks = new SessionChecks({
      ...common,
      sessions: this.#sessions,
      pulse: this.#pulse,
      onLost: options.onLost,
      prove: this.#polls || this.#tellsAtOnce ? undefined : async () => this.#open().prove(),
    });
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
    let isOn = true;
    const own: EndedListener = (event) => (isOn ? listener(event) : undefined);
    this.#everywhere = [...this.#everywhere, own];
    return () => {
      isOn = false;
      this.#everywhere = this.#everywhere.filter((other) => other !== own);
    };
  }

  isCurrent(id: string): boolean {
    return this.#sessions.isSure(id, this.#clock.now()) && (this.#link?.isFresh() ?? false);
  }

  async confirm(id: string): Promise<boolean> {
    parseSessionId(id);
    const watched = this.#sessions.under(id);
    if (watched.length === 0) return (await this.#store.get(id, this.#clock.now(), FRESH)) !== undefined;
    if (this.#polls) return this.#settle(watched);
    await this.#open().prove();
    this.#sessions.doubtDue(this.#clock.now());
    for (const each of watched) await this.#checks.settleFor(each);
    // All that was told is known; of what nobody has told, such as a key that a full server dropped, only the store is sure.
    const lives = watched.some((each) => this.#sessions.has(each));
    if (!lives || (await this.#store.get(id, LONG_AGO, FRESH)) !== undefined) return lives;
    return this.#settle(watched);
  }

  /** Asks the store about some. @returns whether one of them lives */
  async #settle(watched: readonly Watched[]): Promise<boolean> {
    for (const each of watched) this.#sessions.doubt(each);
    for (const each of watched) await this.#checks.settleFor(each);
    return watched.some((each) => this.#sessions.has(each));
  }

  close(): void {
    this.#isClosed = true;
    this.#everywhere = [];
    this.#rest();
    this.#sessions.lost(this.#sessions.all(), this.#clock.now());
  }

  /** Watches an id, and asks about it if it was not watched before, or may be another session's by now. */
  #watched(id: string, attach: (watched: Watched) => unknown): Watched {
    parseSessionId(id);
    this.#open();
    const last = this.#sessions.get(id);
    const isSync = this.#store.mode === "sync";
    const entry = isSync && (last === undefined || isAdoptedId(id)) ? this.#read(id) : undefined;
    // Where nothing is there, word of the end of the one that is watched is on its way.
    const before = entry !== undefined && last !== undefined ? this.#sessions.watching(entry) : last;
    if (before !== undefined && (isSync || !isAdoptedId(id))) {
      attach(before);
      return before;
    }
    if (this.#sessions.size === 0) this.#provenAt = this.#pulse.waited;
    const watched = this.#sessions.add(id);
    attach(watched);
    if (isSync) {
      const now = this.#clock.now();
      if (!this.#sessions.found(watched, entry, now)) this.#sessions.gone(watched, now);
      this.#pulse.within(this.#sessions.nextDeadline - now);
    }
    this.#checks.ask();
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
    this.#events.ends = this.#sessions;
    this.#provenAt = this.#pulse.waited;
    this.#proveAt = timer.elapsed();
    this.#pulse.within(0);
    return this.#link;
  }

  /** In the place of a watch. */
  #polling(): Watch {
    return {
      confirm: async () => this.#checks.checkAll(),
      async close() {},
    };
  }

  #rest(): void {
    this.#pulse.stop();
    this.#link?.close();
    this.#link = undefined;
    for (const stop of this.#stopHearing) stop();
    this.#stopHearing = [];
    this.#events.ends = undefined;
  }

  #removed(removed: Removed | null): void {
    if (removed === null) {
      this.#sessions.doubtAll();
      this.#checks.ask();
      return;
    }
    const { head } = removed;
    if (this.#everywhere.length === 0 && this.#sessions.get(head.key) === undefined) return;
    const told = toldEnd(removed, this.#clock.now());
    if (told === undefined) return;
    this.#sessions.ended(head, told);
    if (this.#everywhere.length === 0) return;
    const { reason, at } = told;
    const event = Object.freeze({ session: sessionHead(head, told.record), reason, at });
    for (const listener of this.#everywhere) this.#events.tell(listener, event);
  }

  /** What is done at each beat. Answers in how many milliseconds the next one has to come. */
  #beat(): number | undefined {
    const present = this.#options.timer.elapsed();
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
    this.#checks.ask();
    this.#sweep();
    this.#judgeLoss(now);
    const isAsking = this.#isProving || this.#sessions.unsure.size > 0;
    const proof = isAsking ? Math.min(LISTENING, this.#options.maxStale / LEAST_TURNS) : this.#proveAt - present;
    return Math.min(this.#sessions.nextDeadline - now, proof);
  }

  async #prove(): Promise<void> {
    const { timer } = this.#options;
    const before = timer.elapsed();
    this.#isProving = true;
    try {
      await this.#link?.prove();
      this.#proveAt = before + this.#pause;
    } catch {
      this.#proveAt = timer.elapsed() + Math.min(this.#pause, ASK_AGAIN_AFTER);
    } finally {
      this.#isProving = false;
      if (this.#link !== undefined) this.#pulse.within(this.#proveAt - timer.elapsed());
    }
  }

  /** Ends what nobody can tell any more. */
  #judgeLoss(now: number): void {
    const { maxStale, onLost, poll } = this.#options;
    if (onLost === "recheck") return;
    const { waited } = this.#pulse;
    const allowed = maxStale + (this.#polls ? poll : this.#tellsAtOnce ? IDLE_BEAT : 0);
    if (waited - this.#provenAt >= allowed) this.#sessions.lost(this.#sessions.all(), now);
    else if (this.#checks.isStuck(maxStale)) this.#sessions.lost([...this.#sessions.unsure], now);
  }

  /** Reads an entry of a store that answers at once. */
  #read(id: string): Entry | undefined {
    return (this.#store as Store<"sync">).get(id, LONG_AGO, FRESH);
  }
}

function checkListener(listener: unknown): void {
  if (typeof listener !== "function") {
    throw new TypeError(`Expected a listener to be a function, got ${show(listener)}`);
  }
}
