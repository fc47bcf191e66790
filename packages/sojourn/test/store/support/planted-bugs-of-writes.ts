/** Mistakes against the rules 3 to 7. */
import type { Entry, Head } from "../../../src/store/store.ts";
import { alter, bug, kept, type PlantedBug } from "./planted-bug.ts";

const bytes = (entry: Entry | undefined, change: (value: Uint8Array) => string | Uint8Array): Entry | undefined =>
  entry && { ...entry, value: typeof entry.value === "string" ? entry.value : change(entry.value) };

export const bugsOfWrites: readonly PlantedBug[] = [
  bug(3, "an insert overwrites", ({ store }) => ({
    put: (entry, expected, now, begun) => store.put(entry, expected ?? "any", now, begun),
  })),
  bug(3, "the expected rev is not compared", ({ store }) => ({
    put: (entry, expected, now, begun) => store.put(entry, expected === null ? null : "any", now, begun),
  })),
  bug(3, "a put over a rev inserts where nothing is", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put(entry, store.get(entry.key, now) === undefined ? null : expected, now, begun),
  })),
  bug(3, '"any" is taken for null', ({ store }) => ({
    put: (entry, expected, now, begun) => store.put(entry, expected === "any" ? null : expected, now, begun),
  })),
  bug(3, "a conflict does not bring what is there", ({ store }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      return put.outcome === "conflict" ? { ...put, current: undefined } : put;
    },
  })),
  bug(3, "a conflict brings what was to be stored", ({ store }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      return put.outcome === "conflict" ? { ...put, current: entry } : put;
    },
  })),
  bug(3, "a conflict stores all the same", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      if (put.outcome === "conflict") alter(space, entry.key, () => entry);
      return put;
    },
  })),
  bug(3, "a conflict reclaims on the way", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      if (put.outcome === "conflict") space.entries = space.entries.filter(({ expiresAt }) => now < expiresAt);
      return put;
    },
  })),
  bug(3, "bytes come back as text", ({ store }) => ({
    get: (key, now) => bytes(store.get(key, now), (value) => String.fromCharCode(...value.slice(0, 1_000))),
  })),
  bug(3, "a view of bytes is kept with all of its buffer", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put(bytes(entry, (value) => new Uint8Array(value.buffer)) ?? entry, expected, now, begun),
  })),
  bug(3, "a byte order mark is dropped", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put({ ...entry, meta: entry.meta.replace("\uFEFF", "") }, expected, now, begun),
  })),
  bug(3, "keys are normalised", ({ store }) => ({
    put: (entry, expected, now, begun) => store.put({ ...entry, key: entry.key.normalize() }, expected, now, begun),
    get: (key, now) => store.get(key.normalize(), now),
  })),
  bug(3, "a value ends at its first NUL", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put(
        { ...entry, value: typeof entry.value === "string" ? (entry.value.split("\0")[0] ?? "") : entry.value },
        expected,
        now,
        begun,
      ),
  })),
  bug(3, "an empty value is none", ({ store }) => ({
    get(key, now) {
      const entry = store.get(key, now);
      return entry?.value.length === 0 ? undefined : entry;
    },
  })),
  bug(3, "keys are looked up in an object with a prototype", ({ store }) => ({
    get: (key, now) => store.get(key, now) ?? (Reflect.get({}, key) as Entry | undefined),
  })),
  bug(3, "an instant goes through a float of 32 bits", ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put(
        { ...entry, expiresAt: entry.expiresAt > 2 ** 50 ? Math.fround(entry.expiresAt) - 2 ** 30 : entry.expiresAt },
        expected,
        now,
        begun,
      ),
  })),

  bug(4, "the same rev again is a conflict", ({ store }) => ({
    put(entry, expected, now, begun) {
      const current = store.get(entry.key, now);
      if (current?.rev === entry.rev && expected !== entry.rev) return { outcome: "conflict", current };
      return store.put(entry, expected, now, begun);
    },
  })),
  bug(4, "the same rev again stores again", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      if (put.outcome === "stored") alter(space, entry.key, () => entry);
      return put;
    },
  })),
  bug(4, "a repeat reports the entry as replaced", ({ store }) => ({
    put(entry, expected, now, begun) {
      const there = store.get(entry.key, now);
      const put = store.put(entry, expected, now, begun);
      return there?.rev === entry.rev ? { outcome: "stored", removed: [there] } : put;
    },
  })),
  bug(4, "a repeat reclaims", ({ store }) => ({
    put(entry, expected, now, begun) {
      const put = store.put(entry, expected, now, begun);
      return put.outcome === "stored" ? { ...put, removed: [...put.removed, ...store.sweep(now, 2)] } : put;
    },
  })),
  bug(4, "a rev that ever was is stored", ({ store }) => {
    const revs = new Set<string>();
    return {
      put(entry, expected, now, begun) {
        if (revs.has(entry.rev)) return { outcome: "stored", removed: [] };
        const put = store.put(entry, expected, now, begun);
        if (put.outcome === "stored") revs.add(entry.rev);
        return put;
      },
    };
  }),

  ...(["touchedAt", "expiresAt"] as const).map((instant) =>
    bug(5, `a put over a rev moves ${instant} back`, ({ store, space }) => ({
      put(entry, expected, now, begun) {
        const isRepeat = store.get(entry.key, now)?.rev === entry.rev;
        const put = store.put(entry, expected, now, begun);
        if (put.outcome === "stored" && !isRepeat) {
          alter(space, entry.key, (there) => ({ ...there, [instant]: entry[instant] }));
        }
        return put;
      },
    })),
  ),
  bug(5, 'a put over "any" keeps the instants of another entry', ({ store }) => ({
    put: (entry, expected, now, begun) =>
      store.put(entry, expected === "any" ? (store.get(entry.key, now)?.rev ?? null) : expected, now, begun),
  })),

  bug(6, "a touch moves the end back", ({ store, space }) => ({
    touch(key, rev, to, now) {
      const done = store.touch(key, rev, to, now);
      if (done) alter(space, key, (entry) => ({ ...entry, expiresAt: to.expiresAt }));
      return done;
    },
  })),
  bug(6, "a touch moves touchedAt back", ({ store, space }) => ({
    touch(key, rev, to, now) {
      const done = store.touch(key, rev, to, now);
      if (done) alter(space, key, (entry) => ({ ...entry, touchedAt: to.touchedAt }));
      return done;
    },
  })),
  bug(6, "a touch that moves no end is false", ({ store }) => ({
    touch(key, rev, to, now) {
      const there = store.get(key, now);
      return store.touch(key, rev, to, now) && to.expiresAt > (there?.expiresAt ?? 0);
    },
  })),
  bug(6, "a touch that moves no end does nothing", ({ store }) => ({
    touch(key, rev, to, now) {
      const there = store.get(key, now);
      const done = there?.rev === rev && to.expiresAt <= there.expiresAt;
      return done || store.touch(key, rev, to, now);
    },
  })),
  bug(6, "a touch looks at no rev", ({ store }) => ({
    touch: (key, rev, to, now) => store.touch(key, store.get(key, now)?.rev ?? rev, to, now),
  })),
  bug(6, "a touch makes a new rev", ({ store, space }) => ({
    touch(key, rev, to, now) {
      const done = store.touch(key, rev, to, now);
      if (done) alter(space, key, (entry) => ({ ...entry, rev: `${rev}'` }));
      return done;
    },
  })),
  bug(6, "a touch revives an expired entry", ({ store, space }) => ({
    touch: (key, rev, to, now) => store.touch(key, rev, to, kept(space, key)?.rev === rev ? 0 : now),
  })),
  bug(6, "a touch inserts", ({ store, space }) => {
    let last: Entry | undefined;
    return {
      get: (key, now) => (last = store.get(key, now) ?? last) && store.get(key, now),
      touch(key, rev, to, now) {
        if (kept(space, key) === undefined && last !== undefined) store.put({ ...last, ...to, key, rev }, null, now);
        return store.touch(key, rev, to, now);
      },
      put(entry, expected, now, begun) {
        last = entry;
        return store.put(entry, expected, now, begun);
      },
    };
  }),

  bug(7, "delete loses the head", ({ store }) => ({
    delete(key) {
      store.delete(key);
      return undefined;
    },
  })),
  bug(7, "delete removes nothing", ({ space }) => ({ delete: (key) => kept(space, key) })),
  bug(7, "delete returns a head for nothing", ({ store }) => {
    let last: Head | undefined;
    return { delete: (key) => (last = store.delete(key) ?? last) };
  }),
  bug(7, "delete returns nothing for what has expired", ({ store }) => {
    let latest = 0;
    return {
      get: (key, now) => store.get(key, (latest = now)),
      delete(key) {
        const head = store.delete(key);
        return head !== undefined && head.expiresAt <= latest ? undefined : head;
      },
    };
  }),
  bug(7, "a put over a rev brings back what was deleted", ({ store }) => {
    const revs = new Map<string, string>();
    return {
      put(entry, expected, now, begun) {
        const put = store.put(entry, revs.get(entry.key) === expected ? "any" : expected, now, begun);
        if (put.outcome === "stored") revs.set(entry.key, entry.rev);
        return put;
      },
    };
  }),
];
