/**
 * Copies of entries in the memory of a process, in front of a store that many processes share.
 *
 * **How old an answer can be.** A copy is served only if, at that moment, the link to the changes of others was
 * proven less than `maxStale` ago (see `link.ts`). Otherwise the store is asked. So an answer is at most `maxStale`
 * old, whatever becomes of the link: cut, held up, or coming back.
 *
 * **What is never in a copy**: absence, since a login must be seen at once; a fault; an end. A copy past its expiry
 * says nothing, since the session may have been extended elsewhere: the store is asked.
 *
 * **Own writes.** When a write has answered, or may have happened, the copy of what it touched is gone, and so is any
 * load that began before. What is read after a write of this process is never older than that write.
 *
 * **`strict`: when nobody can be answered from before a change.** Say the change is acknowledged at instant A, and then
 * `propagated` is called, which resolves no sooner than A + maxStale. Another node serves a copy at instant R because a
 * confirmation that it asked for at C, with R < C + maxStale, was given. If C > A, the change was told before
 * that confirmation, and the copy is gone. If C <= A, then R < A + maxStale, before `propagated` resolved. Nothing is
 * compared between clocks of two nodes: each measures a duration on its own. For the nodes to agree on its length, all
 * must have the same `maxStale`, or the writer the longest. {@link DRIFT} allows for clocks of different speed.
 */
import { checkOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import { systemClock, type Clock } from "../../time/clock.ts";
import { parseDuration, showDuration, type Duration } from "../../time/duration.ts";
import { isWithin, moment, type Moment } from "../../time/moment.ts";
import { systemTimer, type Timer } from "../../time/timer.ts";
import { checkInstant, checkKey } from "../check.ts";
import { giveEntry, keepEntry } from "../kept-entry.ts";
import type { Entry, Head, Store } from "../store.ts";
import { Copies } from "./copies.ts";
import { link } from "./link.ts";

/** Options of `nearCache`. */
export interface NearCacheOptions {
  /** How many copies it holds at most; the least recently used one makes room. @default 10,000 */
  readonly max?: number;
  /**
   * How old an answer can be: the longest time for which a change made elsewhere is not seen, at most a minute. All
   * processes on one store must have the same. @default "200ms"
   */
  readonly maxStale?: Duration;
  /**
   * Whether a logout resolves only when no process can still let the session in: `maxStale` later. `false` is for those
   * who would rather not wait; then a session can be let in elsewhere for that long after its `destroy`.
   * @default true
   */
  readonly strict?: boolean;
  /** The date, which tells that the machine has slept. @default systemClock */
  readonly clock?: Clock;
  /** What measures `maxStale`, and waits. @default the machine's */
  readonly timer?: Timer;
}

const FRESH = Object.freeze({ fresh: true });
const LONGEST_STALE = 60_000;
/** Two machines measure the same time differently by less than a thousandth. */
const DRIFT = 1.001;

/**
 * A store in front of another one, which answers repeated reads from memory. It takes that store over: `close` closes both.
 *
 * @example
 * ```ts
 * import { createClient } from "redis";
 * import { createSessions, nearCache } from "sojourn";
 * import { redisStore } from "sojourn/redis";
 *
 * const client = await createClient({ url: "redis://127.0.0.1:6379" }).connect();
 * const store = nearCache(await redisStore({ client }), { max: 50_000 });
 * const sessions = createSessions({ store });
 * const { token } = await sessions.create("ann");
 * console.log((await sessions.authenticate(token))?.userId); // ann
 * await store.close();
 * client.destroy();
 * ```
 * @param store an asynchronous store that can be watched, such as `redisStore`
 * @throws TypeError for a store that cannot, or an option that is not what it should be
 */
export function nearCache(store: Store<"async">, options: NearCacheOptions = {}): Store<"async"> {
  checkStore(store);
  const { max, maxStale, strict, clock, timer } = resolve(options);
  const copies = new Copies(max);
  const present = (): Moment => moment(timer, clock);
  const forget = (): void => copies.clear();
  const watch = store.watch((key) => (key === null ? forget() : copies.drop(key)));
  const { watchRemovals } = store;
  const changes = link({ watch, maxStale, timer, present, onProven: forget });

  async function load(key: string, now: number): Promise<Entry | undefined> {
    // As it is now: what the store may answer from before would be older still when the copy is served.
    const entry = await copies.load(key, present(), store.get(key, now, FRESH));
    return entry && giveEntry(entry);
  }

  /** Loads an entry, or joins a load on its way. */
  async function read(key: string, now: number): Promise<Entry | undefined> {
    const running = copies.loading(key);
    // One from before `maxStale` could bring what was ended by a logout that has propagated.
    if (running !== undefined && isWithin(maxStale, running.began, present())) {
      const entry = await running.reply;
      // That nothing was there, or is no more, is no answer: it may have changed since that load began.
      if (entry !== undefined && now < entry.expiresAt) return keepEntry(entry);
    }
    return load(key, now);
  }

  function dropAll(heads: readonly Head[]): void {
    for (const { key } of heads) copies.drop(key);
  }

  /** Drops what a call has removed; if it failed it may have happened, and to which entries is not known. */
  async function removal(removed: Promise<readonly Head[]>): Promise<readonly Head[]> {
    try {
      const heads = await removed;
      dropAll(heads);
      return heads;
    } catch (error) {
      forget();
      throw error;
    }
  }

  async function propagated(): Promise<void> {
    const end = timer.elapsed() + maxStale * DRIFT;
    // A timer may be early by a part of a millisecond.
    for (let left = maxStale * DRIFT; left > 0; left = end - timer.elapsed()) {
      await new Promise<void>((resolve) => timer.after(Math.ceil(left), resolve));
    }
  }

  return {
    mode: "async",
    guarantees: Object.freeze({ ...store.guarantees, staleMs: Math.max(store.guarantees.staleMs, maxStale) }),

    async get(key, now, { fresh = false } = {}) {
      checkKey(key);
      checkInstant(now, "now");
      // Asked in any case: that is what keeps the heart beating.
      const isFresh = changes.isFresh(present());
      if (fresh) return load(key, now);
      const copy = copies.get(key);
      return copy !== undefined && isFresh && now < copy.expiresAt ? giveEntry(copy) : read(key, now);
    },

    async put(entry, expected, now, begun) {
      const { key } = entry;
      try {
        const put = await store.put(entry, expected, now, begun);
        if (put.outcome === "stored") dropAll(put.removed);
        return put;
      } finally {
        copies.drop(key);
      }
    },

    async touch(key, rev, to, now) {
      const { touchedAt, expiresAt } = to;
      let isTouched = false;
      try {
        return (isTouched = await store.touch(key, rev, to, now));
      } finally {
        if (isTouched) copies.touch(key, rev, { touchedAt, expiresAt });
        else copies.drop(key);
      }
    },

    async delete(key, note) {
      try {
        return await store.delete(key, note);
      } finally {
        copies.drop(key);
      }
    },

    begin: () => store.begin(),
    revokeOwner: async (owner, except, note) => removal(store.revokeOwner(owner, except, note)),
    sweep: async (now, limit) => removal(store.sweep(now, limit)),
    list: async (page, now) => store.list(page, now),
    listByOwner: async (owner, page, now) => store.listByOwner(owner, page, now),
    count: async (now) => store.count(now),
    ...(watchRemovals && { watchRemovals: (onRemoved) => watchRemovals.call(store, onRemoved) }),
    ...(strict && { propagated }),

    async close() {
      forget();
      try {
        await changes.close();
      } finally {
        await store.close();
      }
    },
  };
}

type Watchable = Store<"async"> & Required<Pick<Store, "watch">>;

function checkStore(store: Store<"async">): asserts store is Watchable {
  if (typeof store?.watch !== "function" || store.mode !== "async") {
    // Without word of what others change, a copy could let in somebody who has logged out.
    throw new TypeError(`Expected \`store\` to be asynchronous and to have a \`watch\`, got ${show(store)}`);
  }
}

const OPTIONS: OptionNames<NearCacheOptions> = { max: true, maxStale: true, strict: true, clock: true, timer: true };

function resolve(options: NearCacheOptions): Required<NearCacheOptions> & { readonly maxStale: number } {
  checkOptions("nearCache", options, OPTIONS);
  const { max = 10_000, maxStale = "200ms", strict = true, clock = systemClock, timer = systemTimer } = options;
  if (!Number.isSafeInteger(max) || max < 1) {
    throw new TypeError(`Expected \`max\` to be 1 or more, got ${show(max)}`);
  }
  const stale = parseDuration(maxStale, "maxStale");
  if (stale > LONGEST_STALE) {
    throw new TypeError(
      `Expected \`maxStale\` to be at most ${showDuration(LONGEST_STALE)}, got ${showDuration(stale)}`,
    );
  }
  return { max, maxStale: stale, strict, clock, timer };
}
