/** Entries in the process's own memory: the default store, and the fastest. What it keeps ends with the process. */
import { StoreError } from "../errors.ts";
import { checkOptions, type OptionNames } from "../options.ts";
import { show } from "../show.ts";
import { checkBegun, type Snapshot } from "./begun.ts";
import { checkEntry, checkInstant, checkKey, checkLimit, checkNote, checkPage } from "./check.ts";
import { giveEntry, headOf, keepEntry, touchEntry } from "./kept-entry.ts";
import { MemoryEntries, type Kept } from "./memory-entries.ts";
import { removalListeners } from "./removal-listeners.ts";
import {
  RECLAIM_PER_PUT,
  type Entry,
  type Expected,
  type Guarantees,
  type Head,
  type PageOptions,
  type Store,
} from "./store.ts";

/** Options of `memoryStore`. */
export interface MemoryStoreOptions {
  /** How many entries it holds at most. @default 1,000,000 */
  readonly maxEntries?: number;
  /**
   * What a new entry meets when all that it holds is live: `"reject"` is a fault (`store_full`), `"evict-lru"` drops
   * the entry that was not used for longest, and reports it. Entries without an owner, such as sessions of visitors who
   * have not logged in, go before those of users.
   * @default "reject"
   */
  readonly onFull?: "reject" | "evict-lru";
  /**
   * How many entries without an owner it holds at most, so that visitors cannot fill it. `onFull` says what one more
   * meets. Everything that `storage.kv` keeps is without an owner.
   * @default maxEntries: no limit of their own
   */
  readonly maxUnowned?: number;
}

/** How many revocations are remembered at most: a login is refused once that began so many of them ago. */
const MAX_REVOCATIONS = 10_000;

/**
 * A store in memory, for one process.
 *
 * @example
 * ```ts
 * import { createSessions, memoryStore } from "sojourn";
 *
 * const sessions = createSessions({ store: memoryStore({ maxEntries: 10_000 }) });
 * console.log(sessions.count()); // 0
 * ```
 * @throws TypeError for an option that is not what it should be
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store<"sync"> {
  const { maxEntries, maxUnowned, evicts } = resolve(options);
  let entries = new MemoryEntries();
  // The number of each owner's last revocation, the lowest first, and the highest that was forgotten.
  let revocations = new Map<string, number>();
  let forgotten = 0;
  const source = {};
  let present: Snapshot = Object.freeze({ source, seen: [0] });
  const listeners = removalListeners();
  let closed = false;

  function checkOpen(): void {
    if (closed) throw new StoreError("store_closed", "The memory store is closed");
  }

  function live(key: string, now: number): Kept | undefined {
    const kept = entries.get(key);
    return kept !== undefined && now < kept.entry.expiresAt ? kept : undefined;
  }

  /** Whether a revocation may have come after a creation had begun. */
  function isRevoked(owner: string | null, { seen: [seen = 0] }: Snapshot): boolean {
    return owner !== null && seen < Math.max(forgotten, revocations.get(owner) ?? 0);
  }

  function remember(owner: string): void {
    const number = (present.seen[0] ?? 0) + 1;
    present = Object.freeze({ source, seen: [number] });
    revocations.delete(owner);
    revocations.set(owner, number);
    if (revocations.size <= MAX_REVOCATIONS) return;
    const [first] = revocations;
    if (first === undefined) return;
    revocations.delete(first[0]);
    forgotten = first[1];
  }

  /** Makes room for one more entry: of what has expired first. */
  function makeRoom(now: number, removed: Head[]): void {
    entries.removeEnded(now, RECLAIM_PER_PUT, removed);
    if (entries.size < maxEntries) return;
    const victim = entries.leastRecentUnowned ?? entries.leastRecent;
    if (!evicts || victim === undefined) {
      throw new StoreError("store_full", `The memory store holds ${maxEntries} live entries, which is its limit`);
    }
    entries.remove(victim);
    removed.push(headOf(victim.entry));
  }

  /** Makes room for one more entry that is nobody's, among those. */
  function makeUnownedRoom(now: number, removed: Head[]): void {
    const victim = entries.leastRecentUnowned;
    if (entries.unowned < maxUnowned || victim === undefined) return;
    if (!evicts && now < victim.entry.expiresAt) {
      throw new StoreError("store_full", `The memory store holds ${maxUnowned} entries without an owner, its limit`);
    }
    entries.remove(victim);
    removed.push(headOf(victim.entry));
  }

  /** Answers what went for it, as `replace` does. */
  function insert(entry: Entry, now: number): readonly Head[] {
    const removed: Head[] = [];
    const old = entries.get(entry.key);
    if (entry.owner === null && old?.entry.owner !== null) makeUnownedRoom(now, removed);
    if (old === undefined) makeRoom(now, removed);
    else {
      entries.remove(old);
      removed.push(headOf(old.entry));
      entries.removeEnded(now, RECLAIM_PER_PUT, removed);
    }
    entries.add(keepEntry(entry));
    return removed;
  }

  function replace(kept: Kept, entry: Entry, now: number): readonly Head[] {
    const removed: Head[] = [];
    if (entry.owner === null && kept.entry.owner !== null) makeUnownedRoom(now, removed);
    const touchedAt = Math.max(entry.touchedAt, kept.entry.touchedAt);
    const expiresAt = Math.max(entry.expiresAt, kept.entry.expiresAt);
    entries.change(kept, keepEntry({ ...entry, touchedAt, expiresAt }));
    entries.promote(kept);
    entries.removeEnded(now, RECLAIM_PER_PUT, removed);
    return removed;
  }

  return {
    mode: "sync",
    guarantees: guarantees(evicts),

    get(key, now) {
      checkOpen();
      checkKey(key);
      checkInstant(now, "now");
      const kept = live(key, now);
      if (kept === undefined) return undefined;
      if (evicts) entries.promote(kept);
      return giveEntry(kept.entry);
    },

    begin() {
      checkOpen();
      return present;
    },

    put(entry, expected, now, begun = present) {
      checkOpen();
      checkEntry(entry);
      checkInstant(now, "now");
      const known = checkBegun(source, begun);
      const kept = live(entry.key, now);
      if (kept?.entry.rev === entry.rev) return { outcome: "stored", removed: [] };
      if (!meets(kept, expected)) return { outcome: "conflict", current: kept && giveEntry(kept.entry) };
      const over = kept !== undefined && expected !== "any" ? kept : undefined;
      if (over?.entry.owner !== entry.owner && isRevoked(entry.owner, known)) return { outcome: "revoked" };
      const removed = over === undefined ? insert(entry, now) : replace(over, entry, now);
      listeners.tellPut(removed, entry.key, now);
      return { outcome: "stored", removed };
    },

    touch(key, rev, to, now) {
      checkOpen();
      checkKey(key);
      checkInstant(now, "now");
      checkInstant(to.touchedAt, "touchedAt");
      checkInstant(to.expiresAt, "expiresAt");
      const kept = live(key, now);
      if (kept === undefined || kept.entry.rev !== rev) return false;
      const touchedAt = Math.max(to.touchedAt, kept.entry.touchedAt);
      const expiresAt = Math.max(to.expiresAt, kept.entry.expiresAt);
      if (touchedAt !== kept.entry.touchedAt || expiresAt !== kept.entry.expiresAt) {
        entries.change(kept, touchEntry(kept.entry, touchedAt, expiresAt));
      }
      entries.promote(kept);
      return true;
    },

    delete(key, note = "") {
      checkOpen();
      checkKey(key);
      checkNote(note);
      const kept = entries.get(key);
      if (kept === undefined) return undefined;
      entries.remove(kept);
      const head = headOf(kept.entry);
      listeners.tellAll([head], note);
      return head;
    },

    list({ prefix = "", after, limit }, now) {
      checkOpen();
      checkPage({ after, limit });
      checkInstant(now, "now");
      const wanted = (entry: Entry): boolean => now < entry.expiresAt && entry.key.startsWith(prefix);
      const { found, next } = entries.scan(slotOf(after), limit, wanted);
      return { items: found.map((kept) => headOf(kept.entry)), next: next?.toString() };
    },

    listByOwner(owner, { after, limit }: PageOptions, now) {
      checkOpen();
      checkPage({ after, limit });
      checkInstant(now, "now");
      const from = slotOf(after);
      const rest = entries.ownedBy(owner).filter((kept) => kept.slot >= from && now < kept.entry.expiresAt);
      return { items: rest.slice(0, limit).map((kept) => giveEntry(kept.entry)), next: rest[limit]?.slot.toString() };
    },

    revokeOwner(owner, except, note = "") {
      checkOpen();
      checkNote(note);
      const gone = entries.ownedBy(owner).filter((kept) => kept.entry.key !== except);
      for (const kept of gone) entries.remove(kept);
      remember(owner);
      const heads = gone.map((kept) => headOf(kept.entry));
      listeners.tellAll(heads, note);
      return heads;
    },

    count(now) {
      checkOpen();
      checkInstant(now, "now");
      return entries.size - entries.countEnded(now);
    },

    sweep(now, limit) {
      checkOpen();
      checkInstant(now, "now");
      checkLimit(limit);
      const removed: Head[] = [];
      entries.removeEnded(now, limit, removed);
      listeners.tellAll(removed, "");
      return removed;
    },

    watchRemovals(onRemoved) {
      checkOpen();
      return listeners.watch(onRemoved, checkOpen);
    },

    close() {
      closed = true;
      entries = new MemoryEntries();
      revocations = new Map();
    },
  };
}

const OPTIONS: OptionNames<MemoryStoreOptions> = { maxEntries: true, onFull: true, maxUnowned: true };

function resolve(options: MemoryStoreOptions): { maxEntries: number; maxUnowned: number; evicts: boolean } {
  checkOptions("memoryStore", options, OPTIONS);
  const { maxEntries = 1_000_000, onFull = "reject", maxUnowned = maxEntries } = options;
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    throw new TypeError(`Expected \`maxEntries\` to be 1 or more, got ${show(maxEntries)}`);
  }
  if (onFull !== "reject" && onFull !== "evict-lru") {
    throw new TypeError(`Expected \`onFull\` to be "reject" or "evict-lru", got ${show(onFull)}`);
  }
  if (!Number.isSafeInteger(maxUnowned) || maxUnowned < 1 || maxUnowned > maxEntries) {
    throw new TypeError(`Expected \`maxUnowned\` to be 1 to \`maxEntries\` (${maxEntries}), got ${show(maxUnowned)}`);
  }
  return { maxEntries, maxUnowned, evicts: onFull === "evict-lru" };
}

function guarantees(evicts: boolean): Guarantees {
  const kept = { durability: "none", atomic: true, staleMs: 0, evicts, failoverLoss: false } as const;
  return Object.freeze({ ...kept, exactOrder: true, removalsMs: 0 });
}

function meets(kept: Kept | undefined, expected: Expected): boolean {
  if (expected === "any") return true;
  return expected === null ? kept === undefined : kept?.entry.rev === expected;
}

function slotOf(after: string | undefined): number {
  if (after === undefined) return 0;
  if (!/^\d{1,15}$/.test(after))
    throw new TypeError(`Expected \`after\` to be the \`next\` of a page, got ${show(after)}`);
  return Number(after);
}
