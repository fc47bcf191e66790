import type { Entry } from "./store.ts";

/** Longer values are not kept: the bound is a number of entries, and they should not be worth megabytes each. */
const MAX_CACHED_VALUE = 65_536;

/** Whether an entry may be kept for repeated reads. Bytes may not: whoever gets them can change them. */
export function isCacheable({ value }: Entry): boolean {
  return typeof value === "string" && value.length <= MAX_CACHED_VALUE;
}

/** What {@link recentMap} makes. */
export interface RecentMap<T> {
  get(key: string): T | undefined;
  set(key: string, value: T): void;
  delete(key: string): void;
  clear(): void;
}

/**
 * A map that holds at most `max` of the entries used most recently, and at least half as many. It has two halves:
 * when the young one is full it becomes the old one, and what the old one held is let go of. No entry is moved to keep
 * an order, which a `Map` pays for with every later look-up.
 */
export function recentMap<T>(max: number): RecentMap<T> {
  const half = Math.max(1, Math.floor(max / 2));
  let young = new Map<string, T>();
  let old = new Map<string, T>();

  function set(key: string, value: T): void {
    if (young.size >= half && !young.has(key)) {
      old = max > 1 ? young : new Map();
      young = new Map();
    }
    young.set(key, value);
  }

  return {
    get(key) {
      const recent = young.get(key);
      if (recent !== undefined) return recent;
      const value = old.get(key);
      if (value !== undefined) {
        // Before `set`, which may let go of the old half.
        old.delete(key);
        set(key, value);
      }
      return value;
    },
    set(key, value) {
      old.delete(key);
      set(key, value);
    },
    delete(key) {
      young.delete(key);
      old.delete(key);
    },
    clear() {
      young = new Map();
      old = new Map();
    },
  };
}
