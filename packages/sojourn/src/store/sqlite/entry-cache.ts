import { isCacheable, recentMap } from "../recent-map.ts";
import type { Entry } from "../store.ts";
import type { ChangeWatch } from "./change-watch.ts";

/** Entries that one connection has read, for as long as they are known to be what the database holds. */
export interface EntryCache {
  /** The entry under a key, live or not, if it is cached and still true. */
  get(key: string): Entry | undefined;
  /** Keeps an entry that was just read, or just written. */
  keep(entry: Entry): void;
  drop(key: string): void;
  /**
   * A transaction of this store's own was committed, and what it touched dropped or kept anew.
   *
   * @param changes the namespace's count of changes after it
   */
  wrote(changes: number): void;
  /** Nothing is known any more. */
  forget(): void;
  close(): void;
}

/** What a cache asks. */
export interface EntryCacheOptions {
  /** How many entries it holds at most. */
  readonly max: number;
  readonly watch: ChangeWatch;
  /** The namespace's count of changes in the database. */
  readonly changes: () => number;
  /**
   * The keys that a transaction touched, if it is one of the store's own whose answer is still on its way;
   * `undefined` if it is not, or if they are not known.
   */
  readonly onItsWay?: (changes: number) => Iterable<string> | undefined;
}

/** The most transactions that are followed one by one; after more of them, everything is read again. */
const FOLLOWED = 4;

export function entryCache({ max, watch, changes, onItsWay }: EntryCacheOptions): EntryCache {
  if (max === 0) return noCache(watch);
  const entries = recentMap<Entry>(max);
  // The count of changes up to which the entries are true.
  let upTo = -1;

  function forget(): void {
    entries.clear();
    upTo = -1;
  }

  /** Goes on to the count that the database has now, if only own transactions led there. */
  function follow(): void {
    const current = changes();
    if (upTo >= 0 && current - upTo <= FOLLOWED) {
      while (upTo < current) {
        const touched = onItsWay?.(upTo + 1);
        if (touched === undefined) break;
        for (const key of touched) entries.delete(key);
        upTo++;
      }
    }
    if (upTo === current) return;
    entries.clear();
    upTo = current;
  }

  return {
    get(key) {
      if (watch.changed()) follow();
      return entries.get(key);
    },
    keep(entry) {
      if (isCacheable(entry)) entries.set(entry.key, entry);
      else entries.delete(entry.key);
    },
    drop: (key) => entries.delete(key),
    wrote(current) {
      watch.wrote();
      if (upTo === current - 1) upTo = current;
    },
    forget,
    close() {
      forget();
      watch.close();
    },
  };
}

function noCache(watch: ChangeWatch): EntryCache {
  return { get: () => undefined, keep() {}, drop() {}, wrote() {}, forget() {}, close: () => watch.close() };
}
