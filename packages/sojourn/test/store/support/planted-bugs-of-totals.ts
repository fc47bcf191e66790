/** Mistakes against the rules 9 and 10. */
import type { Entry, Head, Put, Store } from "../../../src/store/store.ts";
import { bug, type Ground, type PlantedBug } from "./planted-bug.ts";

/** Changes what a stored put reports. */
const reports =
  ({ store }: Ground, change: (removed: readonly Head[], before: Entry | undefined) => readonly Head[]): Store["put"] =>
  (entry, expected, now, begun): Put => {
    const before = store.get(entry.key, now);
    const put = store.put(entry, expected, now, begun);
    const isRepeat = before?.rev === entry.rev;
    return put.outcome === "stored" && !isRepeat ? { ...put, removed: change(put.removed, before) } : put;
  };

export const bugsOfTotals: readonly PlantedBug[] = [
  bug(9, "count counts what has expired", ({ space }) => ({ count: () => space.entries.length })),
  bug(9, "a second delete lowers the total again", ({ store }) => {
    let deletes = 0;
    let found = 0;
    return {
      delete(key) {
        deletes++;
        const head = store.delete(key);
        if (head !== undefined) found++;
        return head;
      },
      count: (now) => store.count(now) - (deletes - found),
    };
  }),
  bug(9, "a replacement raises the total", ({ store }) => {
    let replaced = 0;
    return {
      put(entry, expected, now, begun) {
        const put = store.put(entry, expected, now, begun);
        if (put.outcome === "stored") replaced += put.removed.length;
        return put;
      },
      count: (now) => store.count(now) + replaced,
    };
  }),
  bug(9, "the total is capped at 100", ({ store }) => ({ count: (now) => Math.min(100, store.count(now)) })),

  bug(10, "a sweep exceeds its limit", ({ store }) => ({ sweep: (now, limit) => store.sweep(now, limit + 1) })),
  bug(10, "a sweep takes live entries", ({ store }) => ({ sweep: (now, limit) => store.sweep(now + 1, limit) })),
  bug(10, "a sweep takes the latest first", ({ store, space }) => ({
    sweep(now, limit) {
      const expired = space.entries.filter((entry) => now >= entry.expiresAt);
      const last = expired.sort((a, b) => b.expiresAt - a.expiresAt).slice(0, limit);
      return last.flatMap((entry) => store.delete(entry.key) ?? []);
    },
  })),
  bug(10, "a sweep loses a head", ({ store }) => ({ sweep: (now, limit) => store.sweep(now, limit).slice(1) })),
  bug(10, "a sweep leaves what it reports", ({ store, space }) => ({
    sweep(now, limit) {
      const before = space.entries;
      const heads = store.sweep(now, limit);
      space.entries = before;
      return heads;
    },
  })),
  bug(10, "a put does not report what it replaced", (ground) => ({ put: reports(ground, () => []) })),
  bug(10, "a put does not report the live entry that it replaced", (ground) => ({
    put: reports(ground, (removed, before) => (before === undefined ? removed : [])),
  })),
  bug(10, "a put over a rev reports the entry that it changed", (ground) => ({
    put: reports(ground, (removed, before) => (before === undefined ? removed : [before])),
  })),
  bug(10, "a put reclaims without a word", ({ store }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      if (put.outcome === "stored") store.sweep(now, 2);
      return put;
    },
  })),
  bug(10, "a put reports what it leaves to the sweep", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      const ended = space.entries.filter(({ expiresAt }) => now >= expiresAt).slice(0, 2);
      return put.outcome === "stored" ? { ...put, removed: [...put.removed, ...ended] } : put;
    },
  })),
  bug(10, "a put reports a head as it was first stored", ({ store }) => {
    const first = new Map<string, Entry>();
    return {
      put(entry, expected, now, begun) {
        const put = store.put(entry, expected, now, begun);
        if (put.outcome !== "stored") return put;
        const removed = put.removed.map((head) => first.get(head.key) ?? head);
        if (expected === null) first.set(entry.key, entry);
        return { ...put, removed };
      },
    };
  }),
];
