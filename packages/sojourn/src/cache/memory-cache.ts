/// <reference lib="esnext.disposable" preserve="true" />
import { show } from "../show.ts";
import type { Clock } from "../time/clock.ts";
import { CacheEvents } from "./cache-hooks.ts";
import type { OnDeleteContext, OnExpireContext } from "./cache-hooks.ts";
import { CACHE_OPTION_NAMES, checkNames, entryTtl, resolveCacheOptions, SET_OPTION_NAMES } from "./cache-options.ts";
import type { CacheOptions, ResolvedCacheOptions, SetOptions } from "./cache-options.ts";
import { EntryTable } from "./entry-table.ts";
import { Flights } from "./flights.ts";
import { wildcard } from "./wildcard.ts";

/** How a cache has been doing. */
export interface CacheStats {
  /** Look-ups by `get` and `getOrSet` that found a value. */
  readonly hits: number;
  /** Those that did not. */
  readonly misses: number;
  /** Entries that went for lack of room. */
  readonly evictions: number;
  /** Entries that were reclaimed after they had expired. */
  readonly expirations: number;
  /** How many entries there are that have not expired. */
  readonly size: number;
  /** What they weigh together; 0 without a weight limit. */
  readonly weight: number;
}

/** How many expired entries a `set` that needs room reclaims at most: more than it adds, and no pause. */
const RECLAIM_FOR_ROOM = 64;
/** How many it reclaims at most where there is no limit, so that what has expired does not pile up. */
const RECLAIM_UNLIMITED = 2;

/**
 * A bounded cache in memory: entries expire after their ttl, and the least recently used one goes for a new one.
 *
 * Reads and writes make an entry the most recently used one; `has` and `peek` do not. An expired entry is absent in
 * every call, whether or not its space has been reclaimed, and expired ones are reclaimed before a live one is evicted.
 * Any value can be kept, `undefined` and `null` included.
 *
 * A call takes the same time whatever the number of entries. The exceptions are those that have to look at all of
 * them, `clear`, `deleteByPrefix` and `deleteByMagicString`, and those that first reclaim all that has expired: `size`,
 * `keys`, `values`, `entries`, iteration, `getStats`, and `prune` without a limit.
 *
 * @example
 * ```ts
 * import { MemoryCache } from "sojourn/cache";
 *
 * const cache = new MemoryCache<{ name: string }>({ maxSize: 1_000, ttl: "5m" });
 * cache.set("user:1", { name: "Ann" });
 * cache.set("user:2", { name: "Ben" }, { ttl: "10s" });
 * console.log(cache.get("user:1")?.name, cache.size()); // Ann 2
 * console.log((await cache.getOrSet("user:3", async () => ({ name: "Cleo" }))).name); // Cleo
 * ```
 */
export class MemoryCache<T> {
  readonly #options: ResolvedCacheOptions<T>;
  readonly #clock: Clock;
  #table: EntryTable<T>;
  readonly #events: CacheEvents<T>;
  readonly #flights: Flights<T> = new Flights();

  /** @throws CacheConfigError if an option is not what it must be */
  constructor(options: CacheOptions<T> = {}) {
    checkNames("MemoryCache", options, CACHE_OPTION_NAMES);
    this.#options = resolveCacheOptions(options);
    this.#clock = this.#options.clock;
    this.#table = this.#emptyTable();
    this.#events = new CacheEvents(this.#options.hooks);
  }

  /** The value, or `undefined` if there is none. Where `undefined` can be a value, ask `has`. */
  get(key: string): T | undefined {
    const table = this.#table;
    const slot = table.find(key);
    if (slot === 0 || table.deadline(slot) <= this.#clock.now()) return this.#miss(key, slot);
    return this.#hit(key, slot);
  }

  /** The value as `get` gives it, with no effect on order, statistics or hooks. */
  peek(key: string): T | undefined {
    const slot = this.#table.find(key);
    return slot === 0 || this.#isDead(slot) ? undefined : this.#table.value(slot);
  }

  /** Whether there is a value, `undefined` included. Does not change the order, and counts neither hit nor miss. */
  has(key: string): boolean {
    const slot = this.#table.find(key);
    if (slot === 0) return false;
    if (!this.#isDead(slot)) return true;
    this.#expire(slot, "has");
    this.#events.tell();
    return false;
  }

  /** For how many milliseconds the value can still be read; `Infinity` if for ever, `undefined` if there is none. */
  getRemainingTtl(key: string): number | undefined {
    const slot = this.#table.find(key);
    if (slot === 0) return undefined;
    const left = this.#table.deadline(slot) - this.#clock.now();
    return left > 0 ? left - 1 : undefined;
  }

  /**
   * Stores a value, and starts its ttl anew. Where room is needed, expired entries go first, then the least recently
   * used. A value that is over `maxWeight` alone is not stored, and what was under the key is gone.
   *
   * @throws CacheConfigError if `ttl` is not a duration, or for an option that is not known
   * @throws RangeError if the weight is not finite or is negative; then nothing has changed
   */
  set(key: string, value: T, options?: SetOptions): void {
    const ttl = options === undefined ? this.#options.ttl : entryTtl(options, this.#options.ttl);
    const weight = this.#options.weigh === undefined ? 0 : this.#weigh(key, value);
    this.#flights.overtake(key);
    const now = this.#clock.now();
    // Dead is what is past its ttl, not what is at it: hence the one millisecond more.
    const deadline = now + Math.floor(ttl) + 1;
    const table = this.#table;
    const hash = table.hash(key);
    let slot = table.find(key, hash);
    if (slot !== 0 && table.deadline(slot) <= now) {
      this.#expire(slot, "prune");
      slot = 0;
    }
    if (weight > this.#options.maxWeight) {
      if (slot !== 0) this.#evict(slot);
    } else if (slot !== 0) {
      table.promote(slot);
      if (this.#options.weigh !== undefined) this.#makeRoom(slot, weight - table.weightOf(slot), now);
      table.replace(slot, value, weight);
      table.touch(slot, deadline);
      this.#events.stored(key, value, true);
    } else {
      const evicted = this.#makeRoom(0, weight, now);
      if (evicted === 0) table.insert(key, value, deadline, weight, hash);
      else table.recycle(evicted, key, value, deadline, hash);
      this.#events.stored(key, value, false);
    }
    this.#events.tell();
  }

  /**
   * The value; if there is none, what `fetcher` returns, which is stored.
   *
   * Calls for a key whose fetch is on its way share its promise. A fetch that fails is not stored, and the next call
   * tries again. When the key is set or deleted, or the cache cleared, while a fetch is on its way, the fetch still
   * answers those who wait for it and is not stored: it may know less than what overtook it.
   */
  getOrSet(key: string, fetcher: () => T | Promise<T>, options?: SetOptions): Promise<T> {
    const running = this.#flights.get(key);
    if (running !== undefined) return running;
    const slot = this.#table.find(key);
    if (slot !== 0 && !this.#isDead(slot)) return Promise.resolve(this.#hit(key, slot));
    this.#miss(key, slot);
    const fetch = options === undefined ? fetcher : checkedFetcher(fetcher, options);
    return this.#flights.start(key, fetch, (fetched) => this.set(key, fetched, options));
  }

  /** Removes an entry. False if there was none. */
  delete(key: string): boolean {
    return this.#delete(key, "delete");
  }

  /** As `delete`, with a promise. */
  deleteAsync(key: string): Promise<boolean> {
    return Promise.resolve(this.#delete(key, "deleteAsync"));
  }

  /** Removes the entries whose key starts with this, and returns how many. Looks at every key. */
  deleteByPrefix(prefix: string): number {
    return this.#deleteAll((key) => key.startsWith(prefix), "deleteByPrefix");
  }

  /**
   * Removes the entries whose key has this shape, and returns how many: `*` stands for any characters, also none, and
   * every other character for itself. Looks at every key.
   */
  deleteByMagicString(magicString: string): number {
    return this.#deleteAll(wildcard(magicString), "deleteByMagicString");
  }

  /** Removes all entries. */
  clear(): void {
    this.#flights.overtakeAll(() => true);
    if (this.#events.heard) {
      this.#reclaim(Infinity);
      for (const [key, value] of this.#list()) this.#events.deleted(key, value, "clear");
    } else {
      this.#events.expirations += this.#table.expiry.countDead(this.#clock.now());
    }
    this.#table = this.#emptyTable();
    this.#events.tell();
  }

  /** How many entries there are. Reclaims all that has expired. */
  size(): number {
    this.prune();
    return this.#table.size;
  }

  /** All keys, the least recently used first. Reclaims all that has expired. */
  keys(): string[] {
    return this.entries().map(([key]) => key);
  }

  /** All values, the least recently used first. Reclaims all that has expired. */
  values(): (T | undefined)[] {
    return this.entries().map(([, value]) => value);
  }

  /** All keys with their values, the least recently used first. Reclaims all that has expired. */
  entries(): [string, T | undefined][] {
    this.prune();
    return this.#list();
  }

  /** Walks through what `entries` returns: changes on the way do not disturb it, and do not show. */
  [Symbol.iterator](): IterableIterator<[string, T | undefined]> {
    return this.entries()[Symbol.iterator]();
  }

  /** Counts since the start or the last `resetStats`, and the size. Reclaims all that has expired. */
  getStats(): CacheStats {
    this.prune();
    const { hits, misses, evictions, expirations } = this.#events;
    return { hits, misses, evictions, expirations, size: this.#table.size, weight: this.#table.weight };
  }

  /** Sets the counts to zero. */
  resetStats(): void {
    this.#events.reset();
  }

  /**
   * Reclaims entries that have expired, the earliest first, and returns how many: all of them, or at most `limit`.
   *
   * @throws TypeError if `limit` is not a whole number or is negative
   */
  prune(limit: number = Infinity): number {
    if (!(limit >= 0) || (limit !== Infinity && !Number.isInteger(limit))) {
      throw new TypeError(`Expected \`limit\` to be a whole number, not negative, got ${show(limit)}`);
    }
    const reclaimed = this.#reclaim(limit);
    this.#events.tell();
    return reclaimed;
  }

  /** Clears the cache, at the end of the block of a `using` declaration. */
  [Symbol.dispose](): void {
    this.clear();
  }

  #emptyTable(): EntryTable<T> {
    const { maxSize, weigh } = this.#options;
    return new EntryTable({ weighted: weigh !== undefined, capacity: maxSize });
  }

  /** Reads a live entry, which is the most recently used one from now on. */
  #hit(key: string, slot: number): T {
    const table = this.#table;
    const value = table.value(slot);
    table.promote(slot);
    this.#events.hit(key, value);
    return value;
  }

  /** There is no entry, or it has expired. */
  #miss(key: string, slot: number): undefined {
    if (slot !== 0) {
      this.#expire(slot, "get");
      this.#events.tell();
    }
    this.#events.miss(key, slot === 0 ? "not_found" : "expired");
  }

  /**
   * Makes room for a new entry, or for what is to be in `slot`, which weighs `extra` more than before.
   *
   * Returns the slot of an entry that has been evicted and not yet removed, for the new one to take; or 0.
   */
  #makeRoom(slot: number, extra: number, now: number): number {
    const table = this.#table;
    if (!this.#isOver(slot, extra)) {
      if (this.#options.maxSize === Infinity && this.#options.weigh === undefined)
        this.#reclaim(RECLAIM_UNLIMITED, now);
      return 0;
    }
    const reclaimed = this.#reclaim(RECLAIM_FOR_ROOM, now);
    if (this.#options.weigh === undefined) {
      if (reclaimed > 0) return 0;
      const oldest = table.oldest();
      this.#events.evicted(table.key(oldest), table.value(oldest));
      return oldest;
    }
    while (this.#isOver(slot, extra)) {
      if (this.#reclaim(1, now) === 1) continue;
      const oldest = table.oldest();
      // Only rounding in the sum of weights can ask for the entry itself.
      if (oldest === slot) return 0;
      this.#evict(oldest);
    }
    return 0;
  }

  #isOver(slot: number, extra: number): boolean {
    const { maxSize, maxWeight } = this.#options;
    return (slot === 0 && this.#table.size >= maxSize) || this.#table.weight + extra > maxWeight;
  }

  #reclaim(limit: number, now: number = this.#clock.now()): number {
    let reclaimed = 0;
    while (reclaimed < limit) {
      const slot = this.#table.expiry.firstDead(now);
      if (slot === 0) break;
      this.#expire(slot, "prune");
      reclaimed++;
    }
    return reclaimed;
  }

  #expire(slot: number, source: OnExpireContext<T>["source"]): void {
    const table = this.#table;
    this.#events.expired(table.key(slot), table.value(slot), source);
    table.remove(slot);
  }

  #evict(slot: number): void {
    const table = this.#table;
    this.#events.evicted(table.key(slot), table.value(slot));
    table.remove(slot);
  }

  #delete(key: string, source: OnDeleteContext<T>["source"]): boolean {
    this.#flights.overtake(key);
    const slot = this.#table.find(key);
    if (slot === 0) return false;
    const isLive = !this.#isDead(slot);
    if (isLive) {
      this.#events.deleted(key, this.#table.value(slot), source);
      this.#table.remove(slot);
    } else {
      this.#expire(slot, "prune");
    }
    this.#events.tell();
    return isLive;
  }

  #deleteAll(matches: (key: string) => boolean, source: OnDeleteContext<T>["source"]): number {
    this.#flights.overtakeAll(matches);
    const keys = this.#list()
      .map(([key]) => key)
      .filter(matches);
    return keys.reduce((count, key) => count + Number(this.#delete(key, source)), 0);
  }

  /** What is there, dead or live, the least recently used first. */
  #list(): [string, T][] {
    const table = this.#table;
    const list: [string, T][] = [];
    for (let slot = table.oldest(); slot !== 0; slot = table.newer(slot))
      list.push([table.key(slot), table.value(slot)]);
    return list;
  }

  #isDead(slot: number): boolean {
    const deadline = this.#table.deadline(slot);
    return deadline !== Infinity && deadline <= this.#clock.now();
  }

  #weigh(key: string, value: T): number {
    const { weigh, weighName } = this.#options;
    const weight = weigh!(value, key);
    if (!Number.isFinite(weight) || weight < 0) {
      throw new RangeError(`${weighName} must return a finite, non-negative number, got ${show(weight)}`);
    }
    return weight;
  }
}

/** The same fetcher, which is not called if an option is not known. */
function checkedFetcher<T>(fetcher: () => T | Promise<T>, options: SetOptions): () => T | Promise<T> {
  return () => {
    checkNames("getOrSet", options, SET_OPTION_NAMES);
    return fetcher();
  };
}
