/**
 * Where entries live: numbered slots in pages of typed arrays.
 *
 * An entry is a slot number, not an object. All that is kept of it lies in arrays, at the slot's place: two links and
 * the deadline together in one 16-byte node (one cache line answers "is it dead?" and "who are its neighbours?"), its
 * place in the expiry index, the key, the value. That is 36 bytes an entry, beside the 28 to 56 of the key index.
 *
 * The arrays are cut into pages of {@link PAGE_SIZE} slots, so that growing never copies what is there: a bigger typed
 * array would be copied, and a JavaScript array of a million elements takes tens of milliseconds to grow. Only the
 * first page starts small and doubles, so that a small cache is small. `page(slot)` answers for it without an
 * indexed load, which is what keeps small caches as fast as one flat array.
 *
 * Invariants: slot 0 is never given out (it is the head of the LRU list, and "none" in links); a free slot is in the
 * list of free ones, threaded through its first link; `key` and `value` of a free slot are `undefined`, so that
 * nothing is kept alive.
 */
const SHIFT = 14;
/** How many slots a page has. */
export const PAGE_SIZE: number = 1 << SHIFT;
const MASK = PAGE_SIZE - 1;
const FIRST_SIZE = 16;

/** The arrays of one page. A slot's place in them is `place(slot)`. */
export class SlotPage<V> {
  /** Four words a slot: previous, next, and two that hold the deadline. */
  nodes: Uint32Array;
  /** Over the same buffer as `nodes`, two a slot; the odd ones are deadlines. */
  deadlines: Float64Array;
  /** One word a slot: where it lies in the expiry index. */
  cells: Uint32Array;
  keys: (string | undefined)[];
  values: (V | undefined)[];
  /** What each entry weighs; there only if weights are kept. */
  weights: Float64Array | undefined;

  constructor(size: number, weighted: boolean) {
    const nodes = new ArrayBuffer(size * 16);
    this.nodes = new Uint32Array(nodes);
    this.deadlines = new Float64Array(nodes);
    this.cells = new Uint32Array(size);
    // oxlint-disable-next-line unicorn/no-new-array -- the room is wanted at once, not by growing
    this.keys = new Array<string | undefined>(size);
    // oxlint-disable-next-line unicorn/no-new-array -- as above
    this.values = new Array<V | undefined>(size);
    this.weights = weighted ? new Float64Array(size) : undefined;
  }
}

/** A slot's place in the arrays of its page. */
export function place(slot: number): number {
  return slot & MASK;
}

/** What is known beforehand about the entries. */
export interface SlotsOptions {
  /** Whether entries have a weight; by default not. */
  readonly weighted?: boolean;
  /** How many entries there can be at the same time, so that no page is larger than needed; by default any number. */
  readonly capacity?: number;
}

/** Numbered places for entries, given out and taken back one by one. */
export class Slots<V> {
  readonly #weighted: boolean;
  /** How many places are needed, the one of slot 0 included. */
  readonly #places: number;
  readonly #pages: SlotPage<V>[];
  #first: SlotPage<V>;
  #firstSize: number;
  #free = 0;
  #used = 1;

  constructor(options: SlotsOptions = {}) {
    this.#weighted = options.weighted === true;
    this.#places = (options.capacity ?? Infinity) + 1;
    this.#firstSize = Math.min(FIRST_SIZE, this.#places);
    this.#first = new SlotPage<V>(this.#firstSize, this.#weighted);
    this.#pages = [this.#first];
  }

  /** All slots that were ever given out are below this one. */
  get end(): number {
    return this.#used;
  }

  /** The page that holds a slot. */
  page(slot: number): SlotPage<V> {
    return slot < PAGE_SIZE ? this.#first : this.#pages[slot >>> SHIFT]!;
  }

  /** A free slot, with the key and the value in it. Its links hold what they held. */
  allocate(key: string, value: V): number {
    let slot = this.#free;
    if (slot === 0) slot = this.#fresh();
    const page = this.page(slot);
    const at = slot & MASK;
    if (slot === this.#free) this.#free = page.nodes[at << 2]!;
    page.keys[at] = key;
    page.values[at] = value;
    return slot;
  }

  /** Takes a slot back. Nobody may use its number afterwards. */
  release(slot: number): void {
    const page = this.page(slot);
    const at = slot & MASK;
    page.keys[at] = undefined;
    page.values[at] = undefined;
    page.nodes[at << 2] = this.#free;
    this.#free = slot;
  }

  /** Whether a slot below `end` has an entry. */
  has(slot: number): boolean {
    return this.page(slot).keys[slot & MASK] !== undefined;
  }

  key(slot: number): string {
    return this.page(slot).keys[slot & MASK]!;
  }

  value(slot: number): V {
    return this.page(slot).values[slot & MASK] as V;
  }

  /** The first instant at which the entry is dead: it is live while `now < deadline`. `Infinity`: never dead. */
  deadline(slot: number): number {
    return this.page(slot).deadlines[((slot & MASK) << 1) + 1]!;
  }

  #fresh(): number {
    const slot = this.#used++;
    if (slot < PAGE_SIZE) {
      if (slot === this.#firstSize) this.#growFirst();
    } else if ((slot & MASK) === 0) {
      this.#pages.push(new SlotPage<V>(Math.min(PAGE_SIZE, this.#places - slot), this.#weighted));
    }
    return slot;
  }

  #growFirst(): void {
    const from = this.#first;
    const size = Math.min(this.#firstSize * 2, this.#places, PAGE_SIZE);
    const to = new SlotPage<V>(size, this.#weighted);
    to.nodes.set(from.nodes);
    to.cells.set(from.cells);
    if (from.weights !== undefined) to.weights!.set(from.weights);
    for (let at = 0; at < this.#firstSize; at++) {
      to.keys[at] = from.keys[at];
      to.values[at] = from.values[at];
    }
    this.#firstSize = size;
    this.#pages[0] = this.#first = to;
  }
}
