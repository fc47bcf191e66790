/**
 * Where entries live: numbered slots in flat arrays.
 *
 * An entry is a slot number, not an object. What is kept of it lies at the slot's place in three arrays:
 *
 *     nodes    16 bytes   │ previous │ next     │ deadline (64 bits)  │   one cache line says whether it is dead, and
 *                                                                         who its neighbours in the order of use are
 *     side     16 bytes   │ hash     │ earlier  │ later    │ list     │   what only writes need: the key's whole hash,
 *                                                                         and the place in the order of deadlines
 *     pairs    16 bytes   │ key      │ value    │                         side by side, so that a hit touches one line
 *
 * Growing must not pause. The typed arrays double up to {@link DOUBLED} slots and then jump to {@link CHUNK}: memory
 * that was never written costs nothing yet. Beyond that, further chunks are added, and each access has to choose among
 * them; `isWide` says so. An array of JavaScript values is written when it is made, so the pairs double only up to
 * {@link PAIR_PAGE} slots and then go on in pages of that size, unless the capacity is known and small.
 *
 * The classes of the table are one object, `EntryTable` < `KeyIndex` < `KeyHasher` < `Slots`, and not one that holds
 * another: V8 inlines only so many bytes of bytecode into a caller, and at ten thousand entries each call that is not
 * inlined is a tenth of a look-up. For the same reason the common path of each accessor is short, and the rest apart.
 *
 * Invariants: slot 0 is never given out (it heads the order of use, and means "none" in links); free slots are
 * threaded through `previous`; key and value of a free slot are `undefined`, so that nothing is kept alive.
 */
const CHUNK_BITS = 20;
const CHUNK = 1 << CHUNK_BITS;
const CHUNK_MASK = CHUNK - 1;
const DOUBLED = 1 << 17;
const FIRST = 16;
const PAIR_BITS = 14;
const PAIR_PAGE = 1 << PAIR_BITS;
const PAIR_MASK = PAIR_PAGE - 1;
/** Up to this capacity the pairs are one array, however they grow. */
const FLAT_PAIRS = 1 << 17;

/** What is known beforehand about the entries. */
export interface SlotsOptions {
  /** How many entries there can be at the same time, so that no array is larger than needed; by default any number. */
  readonly capacity?: number;
}

/** Numbered places for entries, given out and taken back one by one. */
export class Slots<V> {
  readonly capacity: number;
  /** All slots that were ever given out are below this one. */
  end = 1;
  /** Whether there is more than one chunk. */
  isWide = false;
  /** The first chunk; `deadlines` is over the same memory as `nodes`, and the odd places are deadlines. */
  nodes!: Int32Array;
  deadlines!: Float64Array;
  side!: Int32Array;
  #room: number;
  #free = 0;
  readonly #chunks: { readonly nodes: Int32Array; readonly deadlines: Float64Array; readonly side: Int32Array }[] = [];
  /** Keys and values in turn, while they are one array. */
  #pairs: (string | V | undefined)[] | undefined;
  #pairRoom: number;
  readonly #pages: (string | V | undefined)[][] = [];

  constructor(options: SlotsOptions = {}) {
    this.capacity = options.capacity ?? Infinity;
    this.#room = Math.min(FIRST, this.capacity + 1);
    this.#allot(this.#room);
    this.#pairs = blank(this.#room);
    this.#pairRoom = this.#room;
  }

  key(slot: number): string {
    const pairs = this.#pairs;
    return (pairs === undefined ? this.#pagedPair(slot, 0) : pairs[slot << 1]) as string;
  }

  value(slot: number): V {
    const pairs = this.#pairs;
    return (pairs === undefined ? this.#pagedPair(slot, 1) : pairs[(slot << 1) + 1]) as V;
  }

  setKey(slot: number, key: string | undefined): void {
    const pairs = this.#pairs;
    if (pairs !== undefined) pairs[slot << 1] = key;
    else this.#setPagedPair(slot, 0, key);
  }

  setValue(slot: number, value: V | undefined): void {
    const pairs = this.#pairs;
    if (pairs !== undefined) pairs[(slot << 1) + 1] = value;
    else this.#setPagedPair(slot, 1, value);
  }

  /** Whether a slot below `end` has an entry. */
  has(slot: number): boolean {
    return this.key(slot) !== undefined;
  }

  /** The first instant at which the entry is dead: it is live while `now < deadline`. `Infinity`: never dead. */
  deadline(slot: number): number {
    return this.isWide ? this.#wideDeadline(slot) : this.deadlines[(slot << 1) + 1]!;
  }

  setDeadline(slot: number, deadline: number): void {
    if (this.isWide) this.#deadlinesOf(slot)[((slot & CHUNK_MASK) << 1) + 1] = deadline;
    else this.deadlines[(slot << 1) + 1] = deadline;
  }

  hashAt(slot: number): number {
    return this.isWide ? this.sideOf(slot)[place(slot)]! : this.side[slot << 2]!;
  }

  setHashAt(slot: number, hash: number): void {
    if (this.isWide) this.sideOf(slot)[place(slot)] = hash;
    else this.side[slot << 2] = hash;
  }

  /** The nodes of the chunk that holds a slot; the slot's own begin at `place(slot)`. */
  nodesOf(slot: number): Int32Array {
    return slot < CHUNK ? this.nodes : this.#chunks[(slot >>> CHUNK_BITS) - 1]!.nodes;
  }

  /** As {@link nodesOf}, of what only writes need. */
  sideOf(slot: number): Int32Array {
    return slot < CHUNK ? this.side : this.#chunks[(slot >>> CHUNK_BITS) - 1]!.side;
  }

  /** A free slot, with the key and the value in it. The rest is what the slot's last entry left. */
  protected allocate(key: string, value: V): number {
    let slot = this.#free;
    if (slot === 0) slot = this.#fresh();
    else this.#free = this.nodesOf(slot)[place(slot)]!;
    this.setKey(slot, key);
    this.setValue(slot, value);
    return slot;
  }

  /** Takes a slot back. Nobody may use its number afterwards. */
  protected release(slot: number): void {
    this.setKey(slot, undefined);
    this.setValue(slot, undefined);
    this.nodesOf(slot)[place(slot)] = this.#free;
    this.#free = slot;
  }

  #wideDeadline(slot: number): number {
    return this.#deadlinesOf(slot)[((slot & CHUNK_MASK) << 1) + 1]!;
  }

  #deadlinesOf(slot: number): Float64Array {
    return slot < CHUNK ? this.deadlines : this.#chunks[(slot >>> CHUNK_BITS) - 1]!.deadlines;
  }

  #pagedPair(slot: number, which: 0 | 1): string | V | undefined {
    return this.#pages[slot >>> PAIR_BITS]![((slot & PAIR_MASK) << 1) + which];
  }

  #setPagedPair(slot: number, which: 0 | 1, to: string | V | undefined): void {
    this.#pages[slot >>> PAIR_BITS]![((slot & PAIR_MASK) << 1) + which] = to;
  }

  #fresh(): number {
    if (this.end === this.#room) this.#grow();
    const slot = this.end++;
    if (this.#pairs === undefined ? (slot & PAIR_MASK) === 0 : slot === this.#pairRoom) this.#growPairs(slot);
    return slot;
  }

  /** Makes the first chunk's arrays, with what the present ones hold. */
  #allot(room: number): void {
    const memory = new ArrayBuffer(room * 16);
    const nodes = new Int32Array(memory);
    const side = new Int32Array(room * 4);
    if (this.nodes !== undefined) {
      nodes.set(this.nodes);
      side.set(this.side);
    }
    this.nodes = nodes;
    this.deadlines = new Float64Array(memory);
    this.side = side;
  }

  #grow(): void {
    const all = this.capacity + 1;
    if (this.#room < CHUNK) {
      this.#room = Math.min(all, this.#room < DOUBLED ? this.#room * 2 : CHUNK);
      this.#allot(this.#room);
      return;
    }
    const room = Math.min(CHUNK, all - this.#room);
    const memory = new ArrayBuffer(room * 16);
    this.#chunks.push({
      nodes: new Int32Array(memory),
      deadlines: new Float64Array(memory),
      side: new Int32Array(room * 4),
    });
    this.#room += room;
    this.isWide = true;
  }

  #growPairs(slot: number): void {
    const all = this.capacity + 1;
    const from = this.#pairs;
    if (from !== undefined && (slot < PAIR_PAGE || all <= FLAT_PAIRS)) {
      this.#pairRoom = Math.min(slot * 2, all <= FLAT_PAIRS ? all : PAIR_PAGE);
      const to = blank<V>(this.#pairRoom);
      for (let at = 0; at < slot * 2; at++) to[at] = from[at];
      this.#pairs = to;
      return;
    }
    if (from !== undefined) {
      this.#pages[0] = from;
      this.#pairs = undefined;
    }
    this.#pages[slot >>> PAIR_BITS] = blank(Math.min(PAIR_PAGE, all - slot));
  }
}

/** Where a slot's four words begin, in the arrays of its chunk. */
export function place(slot: number): number {
  return (slot & CHUNK_MASK) << 2;
}

function blank<V>(slots: number): (string | V | undefined)[] {
  // oxlint-disable-next-line unicorn/no-new-array -- the room is wanted at once, not by growing
  return new Array<string | V | undefined>(slots * 2);
}
