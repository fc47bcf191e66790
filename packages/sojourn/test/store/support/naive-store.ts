/** The contract in the plainest code: an array that is searched from end to end. */
import { StoreError } from "../../../src/errors.ts";
import { checkBegun, type Snapshot } from "../../../src/store/begun.ts";
import { checkEntry, checkInstant, checkKey, checkLimit, checkNote, checkPage } from "../../../src/store/check.ts";
import {
  MAX_PAGE,
  REPLACED,
  type Entry,
  type Head,
  type Page,
  type PageOptions,
  type Removed,
  type Store,
} from "../../../src/store/store.ts";

/** What a namespace holds. */
export interface Space {
  entries: Entry[];
  /** The number of each owner's last revocation. */
  readonly revocations: Map<string, number>;
  /** How many revocations there were. */
  revoked: number;
  /** Who is told of what goes. */
  watches: ((removed: Removed | null) => void)[];
}

export function emptySpace(): Space {
  return { entries: [], revocations: new Map(), revoked: 0, watches: [] };
}

/** A store on a namespace; two stores on the same one share it. */
export function naiveStore(space: Space = emptySpace()): Store<"sync"> {
  const source = {};
  const present = (): Snapshot => ({ source, seen: [space.revoked] });
  let closed = false;
  const checkOpen = (): void => {
    if (closed) throw new StoreError("store_closed", "The naive store is closed");
  };
  const live = (now: number): Entry[] => space.entries.filter((entry) => now < entry.expiresAt);
  const find = (key: string, now: number): Entry | undefined => live(now).find((entry) => entry.key === key);
  const tell = (heads: readonly Head[], note: (head: Head) => string): void => {
    for (const head of heads) for (const watch of space.watches) watch({ head, note: note(head) });
  };
  const remove = (gone: readonly Entry[], note: (head: Head) => string): Head[] => {
    space.entries = space.entries.filter((entry) => !gone.includes(entry));
    const heads = gone.map(headOf);
    tell(heads, note);
    return heads;
  };

  return {
    mode: "sync",
    guarantees: {
      durability: "none",
      atomic: true,
      staleMs: 0,
      evicts: false,
      failoverLoss: false,
      exactOrder: true,
      removalsMs: 0,
    },
    begin() {
      checkOpen();
      return present();
    },
    get(key, now) {
      checkOpen();
      checkKey(key);
      checkNow(now);
      const entry = find(key, now);
      return entry && copyOf(entry);
    },
    put(entry, expected, now, begun = present()) {
      checkOpen();
      checkEntry(entry);
      checkNow(now);
      const [seen = 0] = checkBegun(source, begun).seen;
      const there = find(entry.key, now);
      if (there?.rev === entry.rev) return { outcome: "stored", removed: [] };
      const met = expected === "any" || (expected === null ? there === undefined : there?.rev === expected);
      if (!met) return { outcome: "conflict", current: there && copyOf(there) };
      const changed = expected === "any" ? undefined : there;
      const last = changed?.owner === entry.owner ? undefined : space.revocations.get(entry.owner ?? "");
      if (last !== undefined && seen < last) return { outcome: "revoked" };
      const next = copyOf(entry);
      if (changed !== undefined) {
        const touchedAt = Math.max(entry.touchedAt, changed.touchedAt);
        const expiresAt = Math.max(entry.expiresAt, changed.expiresAt);
        space.entries[space.entries.indexOf(changed)] = { ...next, touchedAt, expiresAt };
        return { outcome: "stored", removed: [] };
      }
      const removed = remove(
        space.entries.filter((other) => other.key === entry.key),
        (head) => (now < head.expiresAt ? REPLACED : ""),
      );
      space.entries.push(next);
      return { outcome: "stored", removed };
    },
    touch(key, rev, to, now) {
      checkOpen();
      checkKey(key);
      checkInstant(to.touchedAt, "touchedAt");
      checkInstant(to.expiresAt, "expiresAt");
      checkNow(now);
      const there = find(key, now);
      if (there?.rev !== rev) return false;
      const touchedAt = Math.max(there.touchedAt, to.touchedAt);
      const expiresAt = Math.max(there.expiresAt, to.expiresAt);
      space.entries[space.entries.indexOf(there)] = { ...there, touchedAt, expiresAt };
      return true;
    },
    delete(key, note = "") {
      checkOpen();
      checkKey(key);
      checkNote(note);
      return remove(
        space.entries.filter((entry) => entry.key === key),
        () => note,
      )[0];
    },
    list({ prefix = "", after, limit }, now) {
      checkOpen();
      checkPage({ after, limit });
      checkNow(now);
      const page = pageOf(
        live(now).filter(({ key }) => key.startsWith(prefix)),
        { after, limit },
      );
      return { items: page.items.map(headOf), next: page.next };
    },
    listByOwner(owner, options, now) {
      checkOpen();
      checkPage(options);
      checkNow(now);
      const page = pageOf(
        live(now).filter((entry) => entry.owner === owner),
        options,
      );
      return { items: page.items.map(copyOf), next: page.next };
    },
    revokeOwner(owner, except, note = "") {
      checkOpen();
      checkNote(note);
      space.revocations.set(owner, ++space.revoked);
      return remove(
        space.entries.filter((entry) => entry.owner === owner && entry.key !== except),
        () => note,
      );
    },
    count(now) {
      checkOpen();
      checkNow(now);
      return live(now).length;
    },
    sweep(now, limit) {
      checkOpen();
      checkLimit(limit);
      checkNow(now);
      const expired = space.entries.filter((entry) => now >= entry.expiresAt);
      return remove(expired.sort((a, b) => a.expiresAt - b.expiresAt).slice(0, limit), () => "");
    },
    watchRemovals(onRemoved) {
      checkOpen();
      const own = (removed: Removed | null): void => onRemoved(removed);
      space.watches.push(own);
      return {
        async confirm() {
          if (!space.watches.includes(own)) throw new StoreError("store_closed", "The watch is closed");
          checkOpen();
        },
        async close() {
          space.watches = space.watches.filter((other) => other !== own);
        },
      };
    },
    close() {
      closed = true;
    },
  };
}

function checkNow(now: number): void {
  checkInstant(now, "now");
}

function pageOf(entries: readonly Entry[], { after = "", limit }: PageOptions): Page<Entry> {
  const rest = entries.filter(({ key }) => key > after).sort((a, b) => (a.key < b.key ? -1 : 1));
  const items = rest.slice(0, Math.min(limit, MAX_PAGE));
  return { items, next: rest.length > items.length ? items.at(-1)?.key : undefined };
}

function headOf({ key, owner, rev, meta, createdAt, touchedAt, expiresAt }: Head): Head {
  return { key, owner, rev, meta, createdAt, touchedAt, expiresAt };
}

function copyOf(entry: Entry): Entry {
  const { value } = entry;
  return { ...headOf(entry), value: typeof value === "string" ? value : value.slice() };
}
