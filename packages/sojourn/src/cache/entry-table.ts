/**
 * Keys, values, order of use and deadlines as one: what a bounded cache and a store are made of.
 *
 * It knows nothing of ttl, limits, hooks or clocks. Whoever uses it brings the instant at which an entry is dead
 * (`Infinity` for never), judges with `deadline <= now`, and decides what to remove. Every call is bounded, whatever
 * the number of entries. What it has grown to it keeps; who wants the memory back makes a new one.
 *
 * The order of use is a doubly linked ring through the slots' nodes, exact at all times. Slot 0 is its head: its
 * `next` is the least recently used entry, `#newest` the most recently used one.
 *
 * A slot number is valid from `insert` until `remove`.
 */
import { ExpiryLists, type ExpiryOptions } from "./expiry-lists.ts";
import { KeyIndex } from "./key-index.ts";
import { place, type SlotsOptions } from "./slots.ts";

/** What is known beforehand about a table. */
export interface EntryTableOptions extends SlotsOptions, ExpiryOptions {
  /** Whether entries have a weight; by default not. */
  readonly weighted?: boolean;
}

const PREVIOUS = 0;
const NEXT = 1;

/** A table of entries. */
export class EntryTable<V> extends KeyIndex<V> {
  /** The sum of all weights. */
  weight = 0;
  /** Those whose deadline is not `Infinity`. */
  readonly expiry: ExpiryLists<V>;
  readonly #weights: Float64Array[] | undefined;
  #newest = 0;

  constructor(options: EntryTableOptions = {}) {
    super(options);
    this.expiry = new ExpiryLists(this, options);
    this.#weights = options.weighted === true ? [] : undefined;
  }

  /** Adds a key that is not there, as the most recently used one. */
  insert(key: string, value: V, deadline: number, weight = 0, hash: number = this.hash(key)): number {
    const slot = this.allocate(key, value);
    this.setDeadline(slot, deadline);
    this.addKey(slot, hash);
    this.#link(slot);
    this.expiry.add(slot, deadline);
    if (this.#weights !== undefined) this.#reweigh(slot, 0, weight);
    return slot;
  }

  /** Puts a new entry, as the most recently used one, in the slot of another, which is thereby removed. */
  recycle(slot: number, key: string, value: V, deadline: number, hash: number = this.hash(key)): void {
    this.deleteKey(slot);
    this.setKey(slot, key);
    this.setValue(slot, value);
    this.addKey(slot, hash);
    this.promote(slot);
    // Also where the deadline is the same: of equal ones, the later entry comes later.
    this.#move(slot, deadline);
  }

  /** Changes the value. Neither the order nor the deadline changes. */
  replace(slot: number, value: V, weight = 0): void {
    this.setValue(slot, value);
    if (this.#weights !== undefined) this.#reweigh(slot, this.weightOf(slot), weight);
  }

  /** Moves the deadline, either way. */
  touch(slot: number, deadline: number): void {
    if (this.deadline(slot) !== deadline) this.#move(slot, deadline);
  }

  remove(slot: number): void {
    this.deleteKey(slot);
    this.#unlink(slot);
    this.expiry.remove(slot);
    // Sums of fractions drift; an empty table weighs nothing.
    if (this.#weights !== undefined) this.weight = this.size === 0 ? 0 : this.weight - this.weightOf(slot);
    this.release(slot);
  }

  weightOf(slot: number): number {
    return this.#weights?.[slot >>> WEIGHT_BITS]?.[slot & WEIGHT_MASK] ?? 0;
  }

  /** The entry is the most recently used one from now on. */
  promote(slot: number): void {
    const newest = this.#newest;
    if (slot === newest) return;
    this.#newest = slot;
    if (this.isWide) {
      this.#relink(slot, newest);
      return;
    }
    const { nodes } = this;
    const at = slot << 2;
    const previous = nodes[at]!;
    const next = nodes[at + NEXT]!;
    nodes[next << 2] = previous;
    nodes[(previous << 2) + NEXT] = next;
    nodes[at] = newest;
    nodes[at + NEXT] = 0;
    nodes[(newest << 2) + NEXT] = slot;
  }

  /** The least recently used entry; 0 if there is none. */
  oldest(): number {
    return this.nodes[NEXT]!;
  }

  /** The entry used next after this one; 0 at the end. */
  newer(slot: number): number {
    return this.nodesOf(slot)[place(slot) + NEXT]!;
  }

  #link(slot: number): void {
    const newest = this.#newest;
    const nodes = this.nodesOf(slot);
    const at = place(slot);
    nodes[at + PREVIOUS] = newest;
    nodes[at + NEXT] = 0;
    this.nodesOf(newest)[place(newest) + NEXT] = slot;
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const nodes = this.nodesOf(slot);
    const at = place(slot);
    const previous = nodes[at + PREVIOUS]!;
    const next = nodes[at + NEXT]!;
    this.nodesOf(previous)[place(previous) + NEXT] = next;
    if (slot === this.#newest) this.#newest = previous;
    else this.nodesOf(next)[place(next) + PREVIOUS] = previous;
  }

  /** What `promote` does, over several chunks. */
  #relink(slot: number, newest: number): void {
    const nodes = this.nodesOf(slot);
    const at = place(slot);
    const previous = nodes[at + PREVIOUS]!;
    const next = nodes[at + NEXT]!;
    this.nodesOf(next)[place(next) + PREVIOUS] = previous;
    this.nodesOf(previous)[place(previous) + NEXT] = next;
    nodes[at + PREVIOUS] = newest;
    nodes[at + NEXT] = 0;
    this.nodesOf(newest)[place(newest) + NEXT] = slot;
  }

  #move(slot: number, deadline: number): void {
    this.expiry.remove(slot);
    this.setDeadline(slot, deadline);
    this.expiry.add(slot, deadline);
  }

  #reweigh(slot: number, before: number, after: number): void {
    const page = (this.#weights![slot >>> WEIGHT_BITS] ??= new Float64Array(WEIGHT_MASK + 1));
    page[slot & WEIGHT_MASK] = after;
    this.weight += after - before;
  }
}

const WEIGHT_BITS = 12;
const WEIGHT_MASK = (1 << WEIGHT_BITS) - 1;
