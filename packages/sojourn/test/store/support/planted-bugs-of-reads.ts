/** Mistakes against the rules 0 to 2. */
import { alter, bug, kept, type PlantedBug } from "./planted-bug.ts";

export const bugsOfReads: readonly PlantedBug[] = [
  bug(0, "the mode is not the one of the replies", () => ({ mode: "async" })),
  bug(0, "a guarantee is missing", ({ store }) => ({ guarantees: { ...store.guarantees, staleMs: Number.NaN } })),

  bug(1, "get returns an entry at its end", ({ store }) => ({ get: (key, now) => store.get(key, now - 1) })),
  bug(1, "get returns expired entries", ({ space }) => ({ get: (key) => kept(space, key) })),
  bug(1, "get misses the last millisecond", ({ store }) => ({ get: (key, now) => store.get(key, now + 1) })),
  bug(1, "list shows an entry at its end", ({ store }) => ({ list: (page, now) => store.list(page, now - 1) })),
  bug(1, "listByOwner shows an entry at its end", ({ store }) => ({
    listByOwner: (owner, page, now) => store.listByOwner(owner, page, now - 1),
  })),
  bug(1, "count counts an entry at its end", ({ store }) => ({ count: (now) => store.count(now - 1) })),
  bug(1, "sweep leaves an entry at its end", ({ store }) => ({ sweep: (now, limit) => store.sweep(now - 1, limit) })),
  bug(1, "touch finds an entry at its end", ({ store }) => ({
    touch: (key, rev, to, now) => store.touch(key, rev, to, now - 1),
  })),
  bug(1, "put finds an entry at its end", ({ store }) => ({
    put: (entry, expected, now, begun) => store.put(entry, expected, now - 1, begun),
  })),
  bug(1, "the clock never goes back", ({ store }) => {
    let latest = 0;
    return { get: (key, now) => store.get(key, (latest = Math.max(latest, now))) };
  }),
  bug(1, "put over an expired entry keeps its instants", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const old = kept(space, entry.key);
      const put = store.put(entry, expected, now, begun);
      if (old !== undefined && put.outcome === "stored") {
        alter(space, entry.key, (there) => ({ ...there, touchedAt: Math.max(there.touchedAt, old.touchedAt) }));
      }
      return put;
    },
  })),

  bug(2, "get reclaims what has expired", ({ store, space }) => ({
    get(key, now) {
      space.entries = space.entries.filter((entry) => now < entry.expiresAt);
      return store.get(key, now);
    },
  })),
  bug(2, "count reclaims what has expired", ({ store, space }) => ({
    count(now) {
      space.entries = space.entries.filter((entry) => now < entry.expiresAt);
      return store.count(now);
    },
  })),
  bug(2, "get of nothing returns a neighbour", ({ store, space }) => ({
    get: (key, now) => store.get(key, now) ?? space.entries.find((entry) => entry.key.startsWith(key)),
  })),
  bug(2, "listByOwner takes no notice of case", ({ space }) => ({
    listByOwner: (owner, { limit }) => ({
      items: space.entries.filter((entry) => entry.owner?.toLowerCase() === owner.toLowerCase()).slice(0, limit),
      next: undefined,
    }),
  })),
];
