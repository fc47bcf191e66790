/**
 * The entries of a memory store: the cache's table of keys, deadlines and last uses, and beside it who owns what. They
 * are kept in step here; what the contract makes of them is in `memory-store.ts`.
 */
import { EntryTable } from "../cache/entry-table.ts";
import { headOf } from "./kept-entry.ts";
import type { Entry, Head } from "./store.ts";

/** An entry and its places. */
export interface Kept {
  entry: Entry;
  /** Its number, which it keeps for as long as it is there. */
  readonly slot: number;
  /** The other entries of its owner; of those that are nobody's, in the order of their last uses. */
  previousOwned: Kept | undefined;
  nextOwned: Kept | undefined;
}

/** What an owner has. */
interface Owned {
  first: Kept | undefined;
}

/** How many slots a page looks at, at most: a listing with a prefix must not turn into one long scan. */
const SLOTS_PER_PAGE = 4_096;

export class MemoryEntries {
  readonly #table = new EntryTable<Kept>({ counted: true });
  readonly #owners = new EntryTable<Owned>();
  #unowned = 0;
  #oldestUnowned: Kept | undefined;
  #latestUnowned: Kept | undefined;

  get size(): number {
    return this.#table.size;
  }

  /** The entry that was not used for longest. */
  get leastRecent(): Kept | undefined {
    const slot = this.#table.oldest();
    return slot === 0 ? undefined : this.#table.value(slot);
  }

  /** How many entries are nobody's. */
  get unowned(): number {
    return this.#unowned;
  }

  /** The one of them that was not used for longest. */
  get leastRecentUnowned(): Kept | undefined {
    return this.#oldestUnowned;
  }

  get(key: string): Kept | undefined {
    const slot = this.#table.find(key);
    return slot === 0 ? undefined : this.#table.value(slot);
  }

  /** Adds an entry under a key that is not there. */
  add(entry: Entry): void {
    const slot = this.#table.insert(entry.key, undefined as never, entry.expiresAt);
    const kept: Kept = { entry, slot, previousOwned: undefined, nextOwned: undefined };
    this.#table.replace(slot, kept);
    this.#own(kept);
  }

  /** Puts a new state of an entry in the place of the old one. */
  change(kept: Kept, entry: Entry): void {
    const ownerChanges = entry.owner !== kept.entry.owner;
    if (ownerChanges) this.#disown(kept);
    kept.entry = entry;
    if (ownerChanges) this.#own(kept);
    this.#table.touch(kept.slot, entry.expiresAt);
  }

  remove(kept: Kept): void {
    this.#table.remove(kept.slot);
    this.#disown(kept);
  }

  /** Removes up to `limit` entries that have ended at an instant, the earliest first, and adds their heads. */
  removeEnded(now: number, limit: number, removed: Head[]): void {
    for (let left = limit; left > 0; left--) {
      const slot = this.#table.expiry.firstDead(now);
      if (slot === 0) return;
      const kept = this.#table.value(slot);
      this.remove(kept);
      removed.push(headOf(kept.entry));
    }
  }

  countEnded(now: number): number {
    return this.#table.expiry.countDead(now);
  }

  /** Marks an entry as just used. */
  promote(kept: Kept): void {
    this.#table.promote(kept.slot);
    if (kept.entry.owner !== null || kept === this.#latestUnowned) return;
    this.#disown(kept);
    this.#own(kept);
  }

  /** The entries of an owner, in the order of their slots. */
  ownedBy(owner: string): readonly Kept[] {
    const found: Kept[] = [];
    for (let kept = this.#ownedBy(owner)?.first; kept !== undefined; kept = kept.nextOwned) found.push(kept);
    return found.sort((a, b) => a.slot - b.slot);
  }

  /** Entries from a slot on, and the slot to go on from, if there are more. */
  scan(from: number, limit: number, wanted: (entry: Entry) => boolean): { found: Kept[]; next: number | undefined } {
    const table = this.#table;
    const found: Kept[] = [];
    const end = Math.min(from + SLOTS_PER_PAGE, table.end);
    let slot = Math.max(from, 1);
    for (; slot < end && found.length < limit; slot++) {
      if (table.has(slot) && wanted(table.value(slot).entry)) found.push(table.value(slot));
    }
    return { found, next: slot < table.end ? slot : undefined };
  }

  #ownedBy(owner: string): Owned | undefined {
    const slot = this.#owners.find(owner);
    return slot === 0 ? undefined : this.#owners.value(slot);
  }

  #own(kept: Kept): void {
    const { owner } = kept.entry;
    if (owner === null) return this.#addUnowned(kept);
    const owned = this.#ownedBy(owner);
    kept.nextOwned = owned?.first;
    if (kept.nextOwned !== undefined) kept.nextOwned.previousOwned = kept;
    if (owned === undefined) this.#owners.insert(owner, { first: kept }, Number.POSITIVE_INFINITY);
    else owned.first = kept;
  }

  #disown(kept: Kept): void {
    const { owner } = kept.entry;
    if (owner === null) this.#dropUnowned(kept);
    const { previousOwned, nextOwned } = kept;
    kept.previousOwned = kept.nextOwned = undefined;
    if (nextOwned !== undefined) nextOwned.previousOwned = previousOwned;
    if (previousOwned !== undefined) previousOwned.nextOwned = nextOwned;
    else if (owner !== null) this.#setFirst(owner, nextOwned);
  }

  #addUnowned(kept: Kept): void {
    kept.previousOwned = this.#latestUnowned;
    if (kept.previousOwned === undefined) this.#oldestUnowned = kept;
    else kept.previousOwned.nextOwned = kept;
    this.#latestUnowned = kept;
    this.#unowned++;
  }

  #dropUnowned(kept: Kept): void {
    if (kept === this.#oldestUnowned) this.#oldestUnowned = kept.nextOwned;
    if (kept === this.#latestUnowned) this.#latestUnowned = kept.previousOwned;
    this.#unowned--;
  }

  #setFirst(owner: string, first: Kept | undefined): void {
    const slot = this.#owners.find(owner);
    if (slot === 0) return;
    if (first === undefined) this.#owners.remove(slot);
    else this.#owners.value(slot).first = first;
  }
}
