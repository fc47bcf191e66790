/** Mistakes against rule 17. */
import type { Removed, Store } from "../../../src/store/store.ts";
import { bug, type Calls, type PlantedBug } from "./planted-bug.ts";

type OnRemoved = Parameters<NonNullable<Store["watchRemovals"]>>[0];

/** Changes what a watch tells. */
function tells(
  store: Store<"sync">,
  change: (tell: OnRemoved) => (removed: Removed) => void,
): Pick<Calls, "watchRemovals"> {
  return {
    watchRemovals(onRemoved) {
      const changed = change(onRemoved);
      return store.watchRemovals!((removed) => (removed === null ? onRemoved(null) : changed(removed)));
    },
  };
}

export const bugsOfWatches: readonly PlantedBug[] = [
  bug(17, "a store that tells says that it cannot", ({ store }) => ({
    guarantees: { ...store.guarantees, removalsMs: Number.POSITIVE_INFINITY },
  })),
  bug(17, "a removal is told twice", ({ store }) =>
    tells(store, (tell) => (removed) => {
      tell(removed);
      tell(removed);
    }),
  ),
  bug(17, "a removal is told again with each proof", ({ store }) => ({
    watchRemovals(onRemoved) {
      let last: Removed | null = null;
      const watch = store.watchRemovals!((removed) => onRemoved((last = removed)));
      return {
        ...watch,
        async confirm() {
          await watch.confirm();
          if (last !== null) onRemoved(last);
        },
      };
    },
  })),
  bug(17, "every tenth removal is lost", ({ store }) => {
    let count = 0;
    return tells(store, (tell) => (removed) => void (++count % 10 === 0 || tell(removed)));
  }),
  bug(17, "a removal is told after the proof", ({ store }) =>
    tells(store, (tell) => (removed) => void setImmediate(() => tell(removed))),
  ),
  bug(17, "the note is lost", ({ store }) =>
    tells(
      store,
      (tell) =>
        ({ head }) =>
          tell({ head, note: "" }),
    ),
  ),
  bug(17, "a note is cut at its first blank", ({ store }) =>
    tells(
      store,
      (tell) =>
        ({ head, note }) =>
          tell({ head, note: note.split(" ", 1)[0] ?? "" }),
    ),
  ),
  bug(17, "the revocation forgets its note", ({ store }) => ({
    revokeOwner: (owner, except) => store.revokeOwner(owner, except),
  })),
  bug(17, "what was replaced is told as expired", ({ store }) =>
    tells(
      store,
      (tell) =>
        ({ head, note }) =>
          tell({ head, note: note === "replaced" ? "" : note }),
    ),
  ),
  bug(17, "what has expired is told as replaced", ({ store }) =>
    tells(
      store,
      (tell) =>
        ({ head, note }) =>
          tell({ head, note: note || "replaced" }),
    ),
  ),
  bug(17, "a sweep tells nothing", ({ store, space }) => ({
    sweep(now, limit) {
      const { watches } = space;
      space.watches = [];
      const heads = store.sweep(now, limit);
      space.watches = watches;
      return heads;
    },
  })),
  bug(17, "a put over a rev tells of the entry that it changed", ({ store, space }) => ({
    put(entry, expected, now, begun) {
      const before = store.get(entry.key, now);
      const put = store.put(entry, expected, now, begun);
      if (before !== undefined && put.outcome === "stored" && before.rev === expected) {
        for (const watch of space.watches) watch({ head: before, note: "" });
      }
      return put;
    },
  })),
  bug(17, "a delete that finds nothing is told", ({ store, space }) => ({
    delete(key, note = "") {
      const head = store.delete(key, note);
      const instants = { createdAt: 0, touchedAt: 0, expiresAt: 0 };
      if (head === undefined) {
        for (const watch of space.watches) {
          watch({ head: { key, owner: null, rev: "none", meta: "", ...instants }, note });
        }
      }
      return head;
    },
  })),
  bug(17, "a head is told as it was before its last touch", ({ store }) =>
    tells(
      store,
      (tell) =>
        ({ head, note }) =>
          tell({ head: { ...head, touchedAt: head.createdAt }, note }),
    ),
  ),
  bug(17, "heads of a key come in the wrong order", ({ store }) => {
    const late: (() => void)[] = [];
    return {
      watchRemovals(onRemoved) {
        const watch = store.watchRemovals!((removed) => void late.push(() => onRemoved(removed)));
        return {
          ...watch,
          async confirm() {
            await watch.confirm();
            for (const tell of late.splice(0).toReversed()) tell();
          },
        };
      },
    };
  }),
  bug(17, "only one watch is told", ({ store, space }) => ({
    watchRemovals(onRemoved) {
      space.watches = [];
      return store.watchRemovals!(onRemoved);
    },
  })),
  bug(17, "a store tells only of what went through itself", ({ store }) => {
    let own = false;
    const mine =
      <Given extends readonly unknown[], T>(call: (...given: Given) => T) =>
      (...given: Given): T => {
        own = true;
        try {
          return call(...given);
        } finally {
          own = false;
        }
      };
    const { delete: remove, revokeOwner, sweep, put } = store;
    return {
      delete: mine(remove),
      revokeOwner: mine(revokeOwner),
      sweep: mine(sweep),
      put: mine(put),
      ...tells(store, (tell) => (removed) => void (own && tell(removed))),
    };
  }),
  bug(17, "a watch hears of every namespace", ({ store, spaces }) => ({
    watchRemovals(onRemoved) {
      const watch = store.watchRemovals!(() => {});
      for (const space of spaces.values()) space.watches.push(onRemoved);
      const { set } = spaces;
      spaces.set = (name, space) => {
        space.watches.push(onRemoved);
        return set.call(spaces, name, space);
      };
      return watch;
    },
  })),
  bug(17, "a watch that is closed goes on", ({ store }) => ({
    watchRemovals: (onRemoved) => ({ ...store.watchRemovals!(onRemoved), async close() {} }),
  })),
  bug(17, "a closed store proves that it has told everything", ({ store }) => ({
    watchRemovals: (onRemoved) => ({ ...store.watchRemovals!(onRemoved), async confirm() {} }),
  })),
  bug(17, "whoever is told finds the entry still there", ({ store, space }) => ({
    delete(key, note) {
      const before = space.entries;
      const after = before.filter((entry) => entry.key !== key);
      const { watches } = space;
      space.watches = watches.map((watch) => (removed) => {
        space.entries = before;
        watch(removed);
        space.entries = after;
      });
      const head = store.delete(key, note);
      space.watches = watches;
      return head;
    },
  })),
  bug(17, "a long note is cut", ({ store }) => ({ delete: (key, note = "") => store.delete(key, note.slice(0, 64)) })),
  bug(17, "a note may hold anything", ({ store }) => ({
    delete: (key, note = "") => store.delete(key, note.replaceAll(/[^ -~]/g, "?")),
  })),
];
