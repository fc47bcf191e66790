/** Mistakes against the rules 12 to 16. */
import { StoreError } from "../../../src/errors.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/index.ts";
import { naiveStore } from "./naive-store.ts";
import { alter, bug, kept, type Ground, type PlantedBug } from "./planted-bug.ts";

/** A store whose put reads first and writes a moment later. */
function tornPut({ store }: Ground): Partial<Store> {
  const slow = asyncStore(store);
  return {
    ...slow,
    async put(entry, expected, now, begun) {
      const before = await slow.get(entry.key, now);
      const met = expected === "any" || (before?.rev ?? null) === expected;
      if (before?.rev === entry.rev || !met) return slow.put(entry, expected, now, begun);
      return slow.put(entry, "any", now);
    },
  };
}

/** A store whose removals read first and remove a moment later. */
function tornSweep({ store, space }: Ground): Partial<Store> {
  const slow = asyncStore(store);
  return {
    ...slow,
    async sweep(now, limit) {
      const ended = space.entries.filter(({ expiresAt }) => now >= expiresAt);
      const heads = ended.sort((a, b) => a.expiresAt - b.expiresAt).slice(0, limit);
      for (const { key } of heads) await slow.delete(key);
      return heads;
    },
  };
}

/** A store whose revocation is remembered a moment after it has removed. */
function tornRevocation({ store, space }: Ground): Partial<Store> {
  const slow = asyncStore(store);
  return {
    ...slow,
    async revokeOwner(owner, except) {
      const gone = store.revokeOwner(owner, except);
      space.revocations.delete(owner);
      await slow.count(0);
      space.revocations.set(owner, ++space.revoked);
      return gone;
    },
  };
}

export const bugsOfSteps: readonly PlantedBug[] = [
  bug(12, "put is two steps", tornPut),
  bug(12, "sweep is two steps", tornSweep),
  bug(12, "a revocation is remembered after it", tornRevocation),
  bug(12, "another store's changes are cached away", ({ store }) => {
    const cache = new Map<string, Entry | undefined>();
    return {
      get(key, now) {
        if (!cache.has(key)) cache.set(key, store.get(key, now));
        return cache.get(key);
      },
    };
  }),
  bug(12, "close empties the namespace", ({ store, space }) => ({
    close() {
      space.entries = [];
      store.close();
    },
  })),

  bug(13, "the bytes that were given are kept", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      if (put.outcome === "stored") alter(space, entry.key, (there) => ({ ...there, value: entry.value }));
      return put;
    },
  })),
  bug(13, "the entry that was given is kept", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      if (put.outcome === "stored") alter(space, entry.key, () => entry);
      return put;
    },
  })),
  bug(13, "get returns the entry that is kept", ({ space }) => ({
    get: (key, now) => space.entries.find((entry) => entry.key === key && now < entry.expiresAt),
  })),
  bug(13, "listByOwner returns the entries that are kept", ({ space }) => ({
    listByOwner: (owner, { limit }) => ({
      items: space.entries.filter((entry) => entry.owner === owner).slice(0, limit),
      next: undefined,
    }),
  })),
  bug(13, "a conflict returns the entry that is kept", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      return put.outcome === "conflict" ? { ...put, current: kept(space, entry.key) } : put;
    },
  })),
  bug(13, "a memo that a put brings is kept", ({ store, space }) => ({
    get(key, now) {
      const entry = store.get(key, now);
      const memo = kept(space, key)?.memo;
      return entry && memo ? { ...entry, memo } : entry;
    },
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      if (put.outcome === "stored") alter(space, entry.key, (there) => ({ ...there, memo: entry.memo ?? {} }));
      return put;
    },
  })),
  bug(13, "a memo outlives a touch", ({ store }) => {
    const memos = new Map<string, object>();
    return {
      get(key, now) {
        const entry = store.get(key, now);
        if (entry === undefined) return undefined;
        const memo = memos.get(entry.rev) ?? {};
        memos.set(entry.rev, memo);
        return { ...entry, memo };
      },
    };
  }),
];

export const bugsOfFaults: readonly PlantedBug[] = [
  bug(14, "a closed store answers", ({ space }) => {
    const open = naiveStore(space);
    return { get: (key, now) => open.get(key, now) };
  }),
  bug(14, "a closed store throws something else", ({ store }) => ({
    delete(key) {
      try {
        return store.delete(key);
      } catch {
        throw new StoreError("store_unavailable", "The database is not open");
      }
    },
  })),
  bug(14, "a put delivered twice replaces itself", ({ store }) => ({
    put(entry, expected, now, begun) {
      if (store.get(entry.key, now)?.rev === entry.rev) store.delete(entry.key);
      return store.put(entry, expected === "any" ? "any" : null, now, begun);
    },
  })),
  bug(14, "a second revocation is a fault", ({ store, space }) => ({
    revokeOwner(owner, except) {
      if (space.revocations.has(owner)) throw new StoreError("store_unavailable", "The owner was revoked before");
      return store.revokeOwner(owner, except);
    },
  })),

  bug(15, "all namespaces are one", ({ spaces, namespace, space }) => {
    const [first] = spaces.values();
    return namespace.endsWith("-a") ? {} : naiveStore(first ?? space);
  }),
  bug(15, "revocations are shared by all namespaces", ({ spaces, store, space }) => ({
    put(entry, expected, now, begun) {
      const all = [...spaces.values()].flatMap(({ revocations }) => [...revocations]);
      for (const [owner, number] of all) space.revocations.set(owner, number);
      return store.put(entry, expected, now, begun);
    },
  })),
  bug(15, "the total is of all namespaces", ({ spaces }) => ({
    count: (now) => [...spaces.values()].reduce((sum, space) => sum + naiveStore(space).count(now), 0),
  })),
  bug(15, "name and key are merely joined", ({ spaces, namespace, store }) => ({
    get(key, now) {
      for (const [name, space] of spaces) {
        const found = space.entries.find((entry) => `${name}:${entry.key}` === `${namespace}${key.replace(":", "")}`);
        if (found !== undefined) return found;
      }
      for (const [name, space] of spaces) {
        const found = space.entries.find((entry) => `${name}:${entry.key}` === `${namespace}${key}`);
        if (found !== undefined) return found;
      }
      return store.get(key, now);
    },
  })),

  bug(16, "get checks no key", ({ store }) => ({ get: (key, now) => store.get(key || "k", now) })),
  bug(16, "put cuts a meta that is too long", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put({ ...entry, meta: (entry.meta ?? "").slice(0, 1_024) }, expected, now, begun),
  })),
  bug(16, "put rounds instants", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put({ ...entry, expiresAt: Math.floor(entry.expiresAt) }, expected, now, begun),
  })),
  bug(16, "put takes any rev", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put({ ...entry, rev: entry.rev === "any" ? "rev" : entry.rev }, expected, now, begun),
  })),
  bug(16, "list lowers a limit that is too high", ({ store }) => ({
    list: (page, now) => store.list({ ...page, limit: Math.min(page.limit, 1_000) }, now),
  })),
  bug(16, "a sweep of nothing is allowed", ({ store }) => ({
    sweep: (now, limit) => (limit === 0 ? [] : store.sweep(now, limit)),
  })),
  bug(16, "a beginning may be anything", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put(entry, expected, now, { ...store.begin(), seen: begun?.seen ?? store.begin().seen }),
  })),
  bug(16, "a put out of bounds removes what is there", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      if (entry.rev === "") space.entries = [];
      return store.put(entry, expected, now, begun);
    },
  })),
];
