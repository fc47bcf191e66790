/**
 * What one connection has read, so that repeated reads cost less. An entry goes through two states:
 *
 *  - **current**: nothing was committed since it was read, which the watch tells. It is the answer, and no row is asked.
 *  - **known**: something was committed, or nothing tells (there is no watch that costs less than a row). The row is
 *    asked for its rev. While that is the entry's, the entry is taken as it was decoded, but for the instants.
 *
 * The second rests on a rev being unique for ever: whoever writes anything but the instants writes a new one (rules 4
 * and 6 of the contract). So it holds whatever others did to the file meanwhile, a restored backup included.
 */
import { checkKey } from "../check.ts";
import { isCacheable, recentMap } from "../recent-map.ts";
import type { Entry } from "../store.ts";
import type { ChangeWatch } from "./change-watch.ts";
import type { EntryReader } from "./entry-reader.ts";

/** Reads entries, with what was read before. */
export interface EntryCache {
  /** The entry under a key as it is now, live or not. */
  find(key: string): Entry | undefined;
  /** The store itself has changed what is under a key. */
  drop(key: string): void;
  /**
   * A transaction of this store's own was committed, and what it touched dropped.
   *
   * @param changes the namespace's count of changes after it
   */
  wrote(changes: number): void;
  /** No entry is current any more. */
  doubt(): void;
  close(): void;
}

/** What a cache asks. */
export interface EntryCacheOptions {
  /** How many entries it holds at most; 0 for none. */
  readonly max: number;
  readonly reader: Pick<EntryReader, "find" | "findAgain" | "changes">;
  /** Tells whether others have changed the database; none where that would cost as much as to ask for the row. */
  readonly watch: ChangeWatch | undefined;
  /**
   * The keys that a transaction touched, if it is one of the store's own whose answer is still on its way;
   * `undefined` if it is not, or if they are not known.
   */
  readonly onItsWay?: (changes: number) => Iterable<string> | undefined;
}

/** An entry, and the era in which it was read. */
interface Kept {
  entry: Entry;
  era: number;
}

/** The most transactions that are followed one by one; after more of them, every row is asked. */
const FOLLOWED = 4;

export function entryCache({ max, reader, watch, onItsWay }: EntryCacheOptions): EntryCache {
  if (max === 0) return noCache(reader, watch);
  const entries = recentMap<Kept>(max);
  // What was read in this era is current. Without a watch, nothing is.
  let era = 0;
  // The count of changes up to which that is so.
  let upTo = -1;

  function doubt(): void {
    era++;
    upTo = -1;
  }

  /** Goes on to the count that the database has now, if only own transactions led there. */
  function follow(): void {
    const count = reader.changes();
    if (upTo >= 0 && count - upTo <= FOLLOWED) {
      while (upTo < count) {
        const touched = onItsWay?.(upTo + 1);
        if (touched === undefined) break;
        for (const key of touched) outdate(key);
        upTo++;
      }
    }
    if (upTo === count) return;
    era++;
    upTo = count;
  }

  function outdate(key: string): void {
    const kept = entries.get(key);
    if (kept !== undefined) kept.era = -1;
  }

  function readFirst(key: string): Entry | undefined {
    checkKey(key);
    const entry = reader.find(key);
    if (entry !== undefined && isCacheable(entry)) entries.set(entry.key, { entry, era });
    return entry;
  }

  function readAgain(kept: Kept): Entry | undefined {
    const entry = reader.findAgain(kept.entry);
    if (entry === undefined || !isCacheable(entry)) {
      entries.delete(kept.entry.key);
      return entry;
    }
    kept.entry = entry;
    kept.era = era;
    return entry;
  }

  return {
    find(key) {
      const kept = entries.get(key);
      if (kept === undefined) return readFirst(key);
      // Asked only where its answer matters: a row that is read now is true whatever was committed before.
      if (watch !== undefined && kept.era === era && watch.changed()) follow();
      return watch !== undefined && kept.era === era ? kept.entry : readAgain(kept);
    },
    drop: (key) => entries.delete(key),
    wrote(count) {
      watch?.wrote();
      if (upTo === count - 1) upTo = count;
    },
    doubt,
    close() {
      entries.clear();
      watch?.close();
    },
  };
}

function noCache(reader: Pick<EntryReader, "find">, watch: ChangeWatch | undefined): EntryCache {
  return {
    find(key) {
      checkKey(key);
      return reader.find(key);
    },
    drop() {},
    wrote() {},
    doubt() {},
    close: () => watch?.close(),
  };
}
