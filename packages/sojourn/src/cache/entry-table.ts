/**
 * Keys, values, order of use and deadlines as one: what a bounded cache and a store are made of.
 *
 * It knows nothing of ttl, limits, hooks or clocks. Whoever uses it brings the instant at which an entry is dead
 * (`Infinity` for never), judges with `deadline <= now`, and decides what to remove. Every call is bounded, whatever
 * the number of entries, but `clear`.
 *
 * A slot number is valid from `insert` until `remove`.
 */
import { ExpiryIndex } from "./expiry-index.ts";
import { KeyIndex } from "./key-index.ts";
import { LruList } from "./lru-list.ts";
import { place, Slots, type SlotsOptions } from "./slots.ts";

/** What is known beforehand about a table. */
export type EntryTableOptions = SlotsOptions;

/** A table of entries. */
export class EntryTable<V> {
  readonly #options: EntryTableOptions;
  readonly #weighted: boolean;
  #keys: KeyIndex = new KeyIndex();
  #weight = 0;
  /** Keys and values of the slots; the deadline is read here, and set by `insert` and `touch` only. */
  slots: Slots<V>;
  /** From the least to the most recently used. */
  lru: LruList<V>;
  /** Those whose deadline is not `Infinity`. */
  expiry: ExpiryIndex<V>;

  constructor(options: EntryTableOptions = {}) {
    this.#options = options;
    this.#weighted = options.weighted === true;
    this.slots = new Slots(options);
    this.lru = new LruList(this.slots);
    this.expiry = new ExpiryIndex(this.slots);
  }

  /** How many entries there are, dead or live. */
  get size(): number {
    return this.#keys.size;
  }

  /** The sum of all weights. */
  get weight(): number {
    return this.#weight;
  }

  /** The slot of a key, dead or live. */
  find(key: string): number | undefined {
    return this.#keys.get(key);
  }

  /** Adds a key that is not there, as the most recently used one. */
  insert(key: string, value: V, deadline: number, weight = 0): number {
    const slot = this.slots.allocate(key, value);
    this.slots.page(slot).deadlines[(place(slot) << 1) + 1] = deadline;
    this.#keys.add(key, slot);
    this.lru.insert(slot);
    if (deadline !== Infinity) this.expiry.add(slot);
    if (this.#weighted) this.#reweigh(slot, 0, weight);
    return slot;
  }

  /** Puts a new entry, as the most recently used one, in the slot of another, which is thereby removed. */
  recycle(slot: number, key: string, value: V, deadline: number, weight = 0): void {
    const page = this.slots.page(slot);
    const at = place(slot);
    this.#keys.delete(page.keys[at]!);
    this.#keys.add(key, slot);
    page.keys[at] = key;
    page.values[at] = value;
    this.lru.promote(slot);
    // Also where the deadline is the same: of equal ones, the later entry comes later.
    this.#move(slot, this.slots.deadline(slot), deadline);
    if (this.#weighted) this.#reweigh(slot, this.weightOf(slot), weight);
  }

  /** Changes the value. Neither the order nor the deadline changes. */
  replace(slot: number, value: V, weight = 0): void {
    this.slots.page(slot).values[place(slot)] = value;
    if (this.#weighted) this.#reweigh(slot, this.weightOf(slot), weight);
  }

  /** Moves the deadline, either way. */
  touch(slot: number, deadline: number): void {
    const before = this.slots.deadline(slot);
    if (before !== deadline) this.#move(slot, before, deadline);
  }

  /** @param mayReturn whether the same key may well be inserted again soon */
  remove(slot: number, mayReturn = false): void {
    this.#keys.delete(this.slots.key(slot), mayReturn);
    this.lru.remove(slot);
    if (this.slots.deadline(slot) !== Infinity) this.expiry.remove(slot);
    if (this.#weighted) this.#weight -= this.weightOf(slot);
    this.slots.release(slot);
    // Sums of fractions drift; an empty table weighs nothing.
    if (this.#keys.size === 0) this.#weight = 0;
  }

  weightOf(slot: number): number {
    return this.slots.page(slot).weights?.[place(slot)] ?? 0;
  }

  /** Removes everything, and gives the memory back. */
  clear(): void {
    this.#keys = new KeyIndex();
    this.#weight = 0;
    this.slots = new Slots(this.#options);
    this.lru = new LruList(this.slots);
    this.expiry = new ExpiryIndex(this.slots);
  }

  #move(slot: number, before: number, after: number): void {
    if (before !== Infinity) this.expiry.remove(slot);
    this.slots.page(slot).deadlines[(place(slot) << 1) + 1] = after;
    if (after !== Infinity) this.expiry.add(slot);
  }

  #reweigh(slot: number, before: number, after: number): void {
    this.slots.page(slot).weights![place(slot)] = after;
    this.#weight += after - before;
  }
}
