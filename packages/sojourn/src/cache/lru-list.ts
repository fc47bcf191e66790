/**
 * The order of use: a doubly linked list over slots, exact, with promotions in batches.
 *
 * The links lie in the slots' nodes; slot 0 is the head of the ring: its `next` is the least recently used entry, its
 * `previous` the most recently used one. A promotion changes four nodes, three of them anywhere in memory. So
 * `promote` only notes the slot, in order; `settle` carries out what is noted, in a loop of its own in which the
 * processor overlaps the memory accesses. Nothing reads or changes the list before it has settled, so the order is at
 * all times what it would be without the notes.
 *
 * Invariants: a noted slot is in the list (`remove` settles first); at most {@link BATCH} are noted, so that no call
 * does more than that on behalf of earlier ones; slot 0 starts with links to itself, which fresh slots have.
 */
import { place, type SlotPage, type Slots } from "./slots.ts";

const BATCH = 64;

/** Entries from the least to the most recently used. */
export class LruList<V> {
  readonly #slots: Slots<V>;
  readonly #noted: Uint32Array = new Uint32Array(BATCH);
  #count = 0;

  constructor(slots: Slots<V>) {
    this.#slots = slots;
  }

  /** The entry is the most recently used one from now on. It must be in the list. */
  promote(slot: number): void {
    const count = this.#count;
    this.#noted[count] = slot;
    this.#count = count + 1;
    if (count === BATCH - 1) this.#settle();
  }

  /** Puts an entry that is not in the list at the recent end. */
  insert(slot: number): void {
    if (this.#count !== 0) this.#settle();
    const head = this.#slots.page(0).nodes;
    const newest = head[0]!;
    const nodes = this.#slots.page(slot).nodes;
    const at = place(slot) << 2;
    nodes[at] = newest;
    nodes[at + 1] = 0;
    this.#slots.page(newest).nodes[(place(newest) << 2) + 1] = slot;
    head[0] = slot;
  }

  /** Takes an entry out. */
  remove(slot: number): void {
    if (this.#count !== 0) this.#settle();
    const nodes = this.#slots.page(slot).nodes;
    const at = place(slot) << 2;
    const previous = nodes[at]!;
    const next = nodes[at + 1]!;
    this.#slots.page(next).nodes[place(next) << 2] = previous;
    this.#slots.page(previous).nodes[(place(previous) << 2) + 1] = next;
  }

  /** The least recently used entry; 0 if there is none. */
  oldest(): number {
    return this.newer(0);
  }

  /** The entry used next after this one; 0 at the end. */
  newer(slot: number): number {
    if (this.#count !== 0) this.#settle();
    return this.#slots.page(slot).nodes[(place(slot) << 2) + 1]!;
  }

  #settle(): void {
    const slots = this.#slots;
    const noted = this.#noted;
    const count = this.#count;
    this.#count = 0;
    const head = slots.page(0).nodes;
    let newest = head[0]!;
    for (let i = 0; i < count; i++) {
      const slot = noted[i]!;
      if (slot === newest) continue;
      const nodes = slots.page(slot).nodes;
      const at = place(slot) << 2;
      const previous = nodes[at]!;
      const next = nodes[at + 1]!;
      slots.page(next).nodes[place(next) << 2] = previous;
      slots.page(previous).nodes[(place(previous) << 2) + 1] = next;
      nodes[at] = newest;
      slots.page(newest).nodes[(place(newest) << 2) + 1] = slot;
      newest = slot;
    }
    head[0] = newest;
    const page: SlotPage<V> = slots.page(newest);
    page.nodes[(place(newest) << 2) + 1] = 0;
  }
}
