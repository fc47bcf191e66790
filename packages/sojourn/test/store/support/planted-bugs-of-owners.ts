/** Mistakes against rule 8. */
import { FLOOR_LIFETIME, type Entry, type Store } from "../../../src/store/store.ts";
import { bug, kept, type Ground, type PlantedBug } from "./planted-bug.ts";

/** A put as if there were no floors, in the cases that are named. */
const withoutFloor =
  ({ store, space }: Ground, when: (entry: Entry, expected: string | null) => boolean): Store["put"] =>
  (entry, expected, now) => {
    const floors = new Map(space.floors);
    if (when(entry, expected)) space.floors.clear();
    const put = store.put(entry, expected, now);
    for (const [owner, floor] of floors) space.floors.set(owner, floor);
    return put;
  };

export const bugsOfOwners: readonly PlantedBug[] = [
  bug(8, "put ignores the floor", (ground) => ({ put: withoutFloor(ground, () => true) })),
  bug(8, 'put over "any" ignores the floor', (ground) => ({
    put: withoutFloor(ground, (_, expected) => expected === "any"),
  })),
  bug(8, "a change of owner ignores the floor", (ground) => ({
    put: withoutFloor(ground, (_, expected) => expected !== null && expected !== "any"),
  })),
  bug(8, "a put over an expired entry ignores the floor", (ground) => ({
    put: withoutFloor(ground, (entry) => kept(ground.space, entry.key) !== undefined),
  })),
  bug(8, "what began at the floor is let through", (ground) => ({
    put: withoutFloor(ground, (entry) => entry.createdAt === ground.space.floors.get(entry.owner ?? "")),
  })),
  bug(8, "a floor bars later entries too", ({ store, space }) => ({
    put(entry, expected, now) {
      const floor = space.floors.get(entry.owner ?? "");
      if (floor !== undefined && store.get(entry.key, now) === undefined) return { outcome: "revoked", floor };
      return store.put(entry, expected, now);
    },
  })),
  bug(8, "a floor bars every owner", ({ store, space }) => ({
    put(entry, expected, now) {
      const floor = Math.max(0, ...space.floors.values());
      if (entry.createdAt <= floor && store.get(entry.key, now) === undefined) return { outcome: "revoked", floor };
      return store.put(entry, expected, now);
    },
  })),
  bug(8, "a floor bars changes of the excepted entry", ({ store, space }) => ({
    put(entry, expected, now) {
      const floor = space.floors.get(entry.owner ?? "");
      const isRepeat = kept(space, entry.key)?.rev === entry.rev;
      if (!isRepeat && floor !== undefined && entry.createdAt <= floor) return { outcome: "revoked", floor };
      return store.put(entry, expected, now);
    },
  })),
  bug(8, "a refused put is stored", ({ store, space }) => ({
    put(entry, expected, now) {
      const put = store.put(entry, expected, now);
      if (put.outcome === "revoked") space.entries.push(entry);
      return put;
    },
  })),
  bug(8, "a lower floor replaces the higher", ({ store, space }) => ({
    revokeOwner(owner, floor, except) {
      const gone = store.revokeOwner(owner, floor, except);
      space.floors.set(owner, floor);
      return gone;
    },
  })),
  bug(8, "a floor is forgotten after half an hour", ({ store, space }) => ({
    put(entry, expected, now) {
      for (const [owner, floor] of space.floors) if (now > floor + FLOOR_LIFETIME / 2) space.floors.delete(owner);
      return store.put(entry, expected, now);
    },
  })),
  bug(8, "a floor is forgotten because of a time before it was set", ({ store, space }) => {
    let latest = 0;
    return {
      put(entry, expected, now) {
        latest = Math.max(latest, now);
        for (const [owner, floor] of space.floors) if (latest > floor + FLOOR_LIFETIME) space.floors.delete(owner);
        return store.put(entry, expected, now);
      },
    };
  }),
  bug(8, "no floor is set where nothing was removed", ({ store, space }) => ({
    revokeOwner(owner, floor, except) {
      const gone = store.revokeOwner(owner, floor, except);
      if (gone.length === 0) space.floors.delete(owner);
      return gone;
    },
  })),
  bug(8, "a revocation spares what is younger than the floor", ({ store, space }) => ({
    revokeOwner(owner, floor, except) {
      const young = space.entries.filter((entry) => entry.createdAt > floor);
      const gone = store.revokeOwner(owner, floor, except);
      space.entries.push(...young.filter((entry) => !space.entries.includes(entry)));
      return gone.filter((head) => head.createdAt <= floor);
    },
  })),
  bug(8, "a revocation does not report what has expired", ({ store }) => ({
    revokeOwner: (owner, floor, except) =>
      store.revokeOwner(owner, floor, except).filter(({ expiresAt }) => expiresAt > floor),
  })),
  bug(8, "a revocation takes the excepted entry too", ({ store }) => ({
    revokeOwner: (owner, floor) => store.revokeOwner(owner, floor),
  })),
  bug(8, "a revocation takes other owners' entries", ({ store, space }) => ({
    revokeOwner(owner, floor, except) {
      const gone = store.revokeOwner(owner, floor, except);
      space.entries = space.entries.filter((entry) => entry.owner === null || entry.key === except);
      return gone;
    },
  })),
  bug(8, "a change of owner leaves the entry in the old index", ({ store, space }) => {
    const firstOwners = new Map<string, string | null>();
    return {
      put(entry, expected, now) {
        const put = store.put(entry, expected, now);
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
