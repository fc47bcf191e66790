/**
 * The entries of a memory store, and the four orders in which they are found: by key, by owner, by end, and by last
 * use. They are kept in step here; what the contract makes of them is in `memory-store.ts`.
 */
import { ExpiryHeap, type HeapNode } from "./expiry-heap.ts";
import type { Entry, Head } from "./store.ts";

/** An entry and its places in the orders. */
export interface Kept extends HeapNode {
  entry: Entry;
  /** Its place in the listing; it keeps this for as long as it is there. */
  readonly slot: number;
  /** The neighbours in order of last use. */
  older: Kept | undefined;
  newer: Kept | undefined;
}

/** How many slots a page looks at, at most: a listing with a prefix must not turn into one long scan. */
const SLOTS_PER_PAGE = 4_096;

export class MemoryEntries {
  readonly #byKey = new Map<string, Kept>();
  readonly #byOwner = new Map<string, Set<Kept>>();
  readonly #byEnd = new ExpiryHeap<Kept>();
  readonly #slots: (Kept | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #oldest: Kept | undefined;
  #newest: Kept | undefined;

  get size(): number {
    return this.#byKey.size;
  }

  /** The entry that was not used for longest. */
  get leastRecent(): Kept | undefined {
    return this.#oldest;
  }

  get(key: string): Kept | undefined {
    return this.#byKey.get(key);
  }

  /** Adds an entry under a key that is not there. */
  add(entry: Entry): void {
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    const kept: Kept = { entry, expiresAt: entry.expiresAt, place: 0, slot, older: undefined, newer: undefined };
    this.#slots[slot] = kept;
    this.#byKey.set(entry.key, kept);
    this.#byEnd.add(kept);
    this.#own(kept);
    this.#append(kept);
  }

  /** Puts a new state of an entry in the place of the old one. */
  change(kept: Kept, entry: Entry): void {
    const ownerChanges = entry.owner !== kept.entry.owner;
    if (ownerChanges) this.#disown(kept);
    kept.entry = entry;
    if (ownerChanges) this.#own(kept);
    if (kept.expiresAt === entry.expiresAt) return;
    kept.expiresAt = entry.expiresAt;
    this.#byEnd.moved(kept);
  }

  remove(kept: Kept): void {
    this.#byKey.delete(kept.entry.key);
    this.#slots[kept.slot] = undefined;
    this.#freeSlots.push(kept.slot);
    this.#byEnd.remove(kept);
    this.#disown(kept);
    this.#unlink(kept);
  }

  /** Removes up to `limit` entries that have ended at an instant, the earliest first, and adds their heads. */
  removeEnded(now: number, limit: number, removed: Head[]): void {
    for (let left = limit; left > 0; left--) {
      const first = this.#byEnd.first;
      if (first === undefined || now < first.expiresAt) return;
      this.remove(first);
      removed.push(headOf(first.entry));
    }
  }

  countEnded(now: number): number {
    return this.#byEnd.countEnded(now);
  }

  /** Marks an entry as just used. */
  promote(kept: Kept): void {
    if (this.#newest === kept) return;
    this.#unlink(kept);
    this.#append(kept);
  }

  /** The entries of an owner, in the order of their slots. */
  ownedBy(owner: string): readonly Kept[] {
    return [...(this.#byOwner.get(owner) ?? [])].sort((a, b) => a.slot - b.slot);
  }

  /** Entries from a slot on, and the slot to go on from, if there are more. */
  scan(from: number, limit: number, wanted: (entry: Entry) => boolean): { found: Kept[]; next: number | undefined } {
    const found: Kept[] = [];
    const end = Math.min(from + SLOTS_PER_PAGE, this.#slots.length);
    let slot = from;
    for (; slot < end && found.length < limit; slot++) {
      const kept = this.#slots[slot];
      if (kept !== undefined && wanted(kept.entry)) found.push(kept);
    }
    return { found, next: slot < this.#slots.length ? slot : undefined };
  }

  #own(kept: Kept): void {
    const { owner } = kept.entry;
    if (owner === null) return;
    const owned = this.#byOwner.get(owner);
    if (owned === undefined) this.#byOwner.set(owner, new Set([kept]));
    else owned.add(kept);
  }

  #disown(kept: Kept): void {
    const { owner } = kept.entry;
    if (owner === null) return;
    const owned = this.#byOwner.get(owner);
    owned?.delete(kept);
    if (owned?.size === 0) this.#byOwner.delete(owner);
  }

  #append(kept: Kept): void {
    kept.older = this.#newest;
    kept.newer = undefined;
    if (this.#newest === undefined) this.#oldest = kept;
    else this.#newest.newer = kept;
    this.#newest = kept;
  }

  #unlink(kept: Kept): void {
    if (kept.older === undefined) this.#oldest = kept.newer;
    else kept.older.newer = kept.newer;
    if (kept.newer === undefined) this.#newest = kept.older;
    else kept.newer.older = kept.older;
  }
}

/** The head of an entry. */
export function headOf({ key, owner, rev, meta, createdAt, touchedAt, expiresAt }: Head): Head {
  return Object.freeze({ key, owner, rev, meta, createdAt, touchedAt, expiresAt });
}
