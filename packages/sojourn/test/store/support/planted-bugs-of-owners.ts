/** Mistakes against rule 8. */
import type { Entry, Expected, Store } from "../../../src/store/store.ts";
import { bug, kept, type Ground, type PlantedBug } from "./planted-bug.ts";

const DAY = 86_400_000;

/** A put as if there had been no revocations, in the cases that are named. */
const forgetful =
  ({ store, space }: Ground, when: (entry: Entry, expected: Expected, now: number) => boolean): Store["put"] =>
  (entry, expected, now, begun) => {
    const revocations = [...space.revocations];
    if (when(entry, expected, now)) space.revocations.clear();
    const put = store.put(entry, expected, now, begun);
    for (const [owner, number] of revocations) space.revocations.set(owner, number);
    return put;
  };

/** A put that is also refused in the cases that are named, if it would bring an entry. */
const strict =
  ({ store }: Ground, when: (entry: Entry, now: number) => boolean): Store["put"] =>
  (entry, expected, now, begun) => {
    const isNew = store.get(entry.key, now) === undefined;
    return isNew && when(entry, now) ? { outcome: "revoked" } : store.put(entry, expected, now, begun);
  };

const bugsOfRefusals: readonly PlantedBug[] = [
  bug(8, "put ignores revocations", (ground) => ({ put: forgetful(ground, () => true) })),
  bug(8, 'put over "any" ignores them', (ground) => ({
    put: forgetful(ground, (_, expected) => expected === "any"),
  })),
  bug(8, "a change of owner ignores them", (ground) => ({
    put: forgetful(ground, (_, expected) => expected !== null && expected !== "any"),
  })),
  bug(8, "a put over an expired entry ignores them", (ground) => ({
    put: forgetful(ground, (entry) => kept(ground.space, entry.key) !== undefined),
  })),
  bug(8, "half of the keys ignore them", (ground) => ({
    put: forgetful(ground, ({ key }) => key.charCodeAt(key.length - 1) % 2 === 0),
  })),
  bug(8, "a later date lets in what began before", (ground) => ({
    put: forgetful(ground, ({ createdAt, touchedAt }) => createdAt > touchedAt),
  })),
  bug(8, "a revocation is forgotten after a day of now", (ground) => ({
    // The kit begins a day ahead.
    put: forgetful(ground, (_, __, now) => now > Date.now() + 2 * DAY),
  })),
  bug(8, "a revocation is forgotten when a thousand have followed", (ground) => ({
    put: forgetful(ground, () => ground.space.revocations.size > 1_000),
  })),
  bug(8, "a put begins when it arrives", ({ store }) => ({
    put: (entry, expected, now) => store.put(entry, expected, now),
  })),
  bug(8, "a repeated put begins anew", ({ store }) => {
    const revs = new Set<string>();
    return {
      put(entry, expected, now, begun) {
        const isRepeat = revs.has(entry.rev);
        revs.add(entry.rev);
        return store.put(entry, expected, now, isRepeat ? undefined : begun);
      },
    };
  }),
  bug(8, "a revocation refuses what begins after it", (ground) => ({
    put: strict(ground, ({ owner }) => ground.space.revocations.has(owner ?? "")),
  })),
  bug(8, "an earlier date refuses what began after", (ground) => ({
    put: strict(ground, ({ owner, createdAt, touchedAt }) => {
      return ground.space.revocations.has(owner ?? "") && createdAt < touchedAt;
    }),
  })),
  bug(8, "a revocation refuses every owner's", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const last = Math.max(0, ...space.revocations.values());
      if (entry.owner === null) return store.put(entry, expected, now, begun);
      const before = space.revocations.get(entry.owner);
      space.revocations.set(entry.owner, last);
      const put = store.put(entry, expected, now, begun);
      if (before === undefined) space.revocations.delete(entry.owner);
      else space.revocations.set(entry.owner, before);
      return put;
    },
  })),
  bug(8, "a revocation refuses changes of the excepted entry", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const [seen = 0] = (begun?.seen ?? [space.revoked]) as readonly number[];
      const isRepeat = kept(space, entry.key)?.rev === entry.rev;
      if (!isRepeat && seen < (space.revocations.get(entry.owner ?? "") ?? 0)) return { outcome: "revoked" };
      return store.put(entry, expected, now, begun);
    },
  })),
  bug(8, "a refused put is stored", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      if (put.outcome === "revoked") space.entries.push(entry);
      return put;
    },
  })),
  bug(8, "a beginning can be used once", ({ store }) => {
    const used = new WeakSet<object>();
    return {
      put(entry, expected, now, begun) {
        if (begun !== undefined && used.has(begun)) return { outcome: "revoked" };
        if (begun !== undefined) used.add(begun);
        return store.put(entry, expected, now, begun);
      },
    };
  }),
];

const bugsOfMemory: readonly PlantedBug[] = [
  bug(8, "a second revocation of an owner keeps the first one's number", ({ store, space }) => ({
    revokeOwner(owner, except) {
      const first = space.revocations.get(owner);
      const gone = store.revokeOwner(owner, except);
      if (first !== undefined) space.revocations.set(owner, first);
      return gone;
    },
  })),
  bug(8, "only the last revocation is remembered", ({ store, space }) => ({
    revokeOwner(owner, except) {
      space.revocations.clear();
      return store.revokeOwner(owner, except);
    },
  })),
  bug(8, "each store counts its own revocations", ({ store }) => {
    let count = 0;
    return {
      begin: () => ({ ...store.begin(), seen: [count] }),
      revokeOwner(owner, except) {
        count++;
        return store.revokeOwner(owner, except);
      },
    };
  }),
  bug(8, "nothing is remembered where nothing was removed", ({ store, space }) => ({
    revokeOwner(owner, except) {
      const gone = store.revokeOwner(owner, except);
      if (gone.length === 0) space.revocations.delete(owner);
      return gone;
    },
  })),
  bug(8, "close forgets the revocations", ({ store, space }) => ({
    close() {
      space.revocations.clear();
      return store.close();
    },
  })),
];

export const bugsOfOwners: readonly PlantedBug[] = [
  ...bugsOfRefusals,
  ...bugsOfMemory,
  bug(8, "a revocation spares what has a later date", ({ store, space }) => ({
    revokeOwner(owner, except) {
      const young = space.entries.filter(({ createdAt, touchedAt }) => createdAt > touchedAt);
      const gone = store.revokeOwner(owner, except);
      space.entries.push(...young.filter((entry) => !space.entries.includes(entry)));
      return gone.filter(({ key }) => !young.some((entry) => entry.key === key));
    },
  })),
  bug(8, "a revocation does not report what has expired", ({ store }) => ({
    revokeOwner: (owner, except) =>
      (store.revokeOwner(owner, except) as readonly Entry[]).filter((head) => head.expiresAt > head.touchedAt),
  })),
  bug(8, "a revocation takes the excepted entry too", ({ store }) => ({
    revokeOwner: (owner) => store.revokeOwner(owner),
  })),
  bug(8, "a revocation takes other owners' entries", ({ store, space }) => ({
    revokeOwner(owner, except) {
      const gone = store.revokeOwner(owner, except);
      space.entries = space.entries.filter((entry) => entry.owner === null || entry.key === except);
      return gone;
    },
  })),
  bug(8, "a change of owner leaves the entry in the old index", ({ store, space }) => {
    const firstOwners = new Map<string, string | null>();
    return {
      put(entry, expected, now, begun) {
        const put = store.put(entry, expected, now, begun);
        if (put.outcome === "stored" && !firstOwners.has(entry.key)) firstOwners.set(entry.key, entry.owner);
        return put;
      },
      listByOwner: (owner, { limit }) => ({
        items: space.entries.filter(({ key }) => firstOwners.get(key) === owner).slice(0, limit),
        next: undefined,
      }),
    };
  }),
];
