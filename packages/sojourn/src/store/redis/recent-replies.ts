/**
 * What was made of recent replies. The server is asked each time; but where it answers with the very record that it answered
 * with before, the entry is the same, with what the caller has made of it (see `memo` of an entry). A record says everything
 * of its entry's state, its rev included.
 */
import { recentMap } from "../recent-map.ts";
import type { Entry } from "../store.ts";
import { entryOf } from "./record.ts";

/** How many are kept at most. */
const KEPT = 10_000;
/** Longer records are not kept, so that all of them take megabytes, not more. */
const LONGEST = 4_096;

/** Makes entries of records. */
export interface RecentReplies {
  /**
   * @param name that of the record on the server, which ends with the key
   * @throws StoreError `store_corrupt` if the record is none
   */
  entryOf(key: string, name: string, record: string): Entry;
}

export function recentReplies(): RecentReplies {
  const recent = recentMap<{ readonly record: string; readonly entry: Entry }>(KEPT);
  return {
    entryOf(key, name, record) {
      const before = recent.get(key);
      if (before?.record === record) return before.entry;
      const own = ownKey(key, name);
      const entry = entryOf(own, record);
      // Bytes can be changed by whoever gets them.
      if (record.length > LONGEST || typeof entry.value !== "string") return entry;
      const kept = Object.freeze({ ...entry, memo: {} });
      recent.set(own, { record, entry: kept });
      return kept;
    },
  };
}

/** A key that stands for itself: that of a session is cut out of its token, and would keep the whole token in memory. */
export function ownKey(key: string, name: string): string {
  const own = name.slice(name.length - key.length);
  return own === key ? own : key;
}
