/** Stores with a mistake that shows only when several callers are at work, for the checker to find. */
import type { Entry, Store } from "../../src/store/store.ts";

export const plantedBugs: Readonly<Record<string, (store: Store<"async">) => Store<"async">>> = {
  "a change of what is gone revives it": (store) => ({
    ...store,
    async put(entry, expected, now) {
      const put = await store.put(entry, expected, now);
      if (put.outcome !== "conflict" || put.current !== undefined) return put;
      return store.put(entry, null, now);
    },
  }),
  "every fifth read is answered with what the last one saw": (store) => {
    let reads = 0;
    let last: Entry | undefined;
    return {
      ...store,
      async get(key, now) {
        if (++reads % 5 === 0 && last?.key === key) return last;
        return (last = await store.get(key, now));
      },
    };
  },
  "a change that comes second overwrites the first": (store) => ({
    ...store,
    async put(entry, expected, now) {
      const put = await store.put(entry, expected, now);
      if (put.outcome !== "conflict" || put.current === undefined || expected === null) return put;
      return store.put(entry, put.current.rev, now);
    },
  }),
  "a change is acknowledged, and not made, when another has just come": (store) => ({
    ...store,
    async put(entry, expected, now) {
      const put = await store.put(entry, expected, now);
      const lost = put.outcome === "conflict" && put.current !== undefined && expected !== null;
      return lost ? { outcome: "stored", removed: [] } : put;
    },
  }),
  "a delete is acknowledged before it is made": (store) => ({
    ...store,
    async delete(key) {
      const there = await store.get(key, 0);
      void store.delete(key);
      return there;
    },
  }),
  "a create does not look whether somebody else created meanwhile": (store) => ({
    ...store,
    async put(entry, expected, now) {
      if (expected !== null) return store.put(entry, expected, now);
      const current = await store.get(entry.key, now);
      return current === undefined ? store.put(entry, "any", now) : { outcome: "conflict", current };
    },
  }),
  "a touch says yes to what has gone": (store) => ({
    ...store,
    async touch(key, rev, to, now) {
      return (await store.touch(key, rev, to, now)) || (await store.get(key, now)) === undefined;
    },
  }),
};

/** Mistakes in the order of logins and revocations. */
export const plantedOrderBugs: Readonly<Record<string, (store: Store<"async">) => Store<"async">>> = {
  "a login begins when its put is made": (store) => ({
    ...store,
    put: async (entry, expected, now) => store.put(entry, expected, now),
  }),
  "the dates of the workers decide": (store) => {
    const revokedAt = new Map<string, number>();
    return {
      ...store,
      async put(entry, expected, now) {
        if (entry.createdAt <= (revokedAt.get(entry.owner ?? "") ?? 0)) return { outcome: "revoked" };
        return store.put(entry, expected, now);
      },
      async revokeOwner(owner, except) {
        revokedAt.set(owner, Date.now());
        return store.revokeOwner(owner, except);
      },
    };
  },
  "a revocation looks for sessions first and then ends them": (store) => ({
    ...store,
    async revokeOwner(owner) {
      const { items } = await store.listByOwner(owner, { limit: 1_000 }, 0);
      return (await Promise.all(items.map(async ({ key }) => store.delete(key)))).filter((head) => head !== undefined);
    },
  }),
};
