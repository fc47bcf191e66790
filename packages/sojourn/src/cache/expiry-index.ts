/**
 * What expires when: finds every dead entry, the earliest first, and counts the dead ones, without a timer or a scan.
 *
 * Slots lie in buckets of {@link CELLS} cells, and the buckets in an array in the order of their deadlines. So all
 * before the bucket that `now` falls in are dead, all after it are live, and only that one has to be looked into.
 *
 * With one ttl for all, deadlines arrive in order. Then adding writes the next cell of the last bucket, and removing
 * blanks a cell: a word of each slot says where it lies. Nothing is searched, sorted or split. That is also why there
 * are cells and not a list through the slots: unlinking an entry writes to two others, anywhere in memory.
 *
 * Deadlines in any other order find their bucket by binary search. A bucket that is full is split at its mean deadline;
 * one that is not in order is put in order when its first member is asked for; one that has become sparse is joined
 * with a neighbour. Each of these touches two buckets at most, and happens once in a good part of a bucket's changes.
 *
 * Invariants:
 *  - `starts[i]` is at most every deadline in bucket `i`, and at least every one in the buckets before it.
 *  - no bucket is empty; `max` is at least its deadlines, and at most the next bucket's start.
 *  - `inOrder` means: along the cells, deadlines do not fall. Equal ones are in the order in which they were added.
 *  - 0 is a blank cell.
 */
import { blockOf, CellPool, CELLS } from "./cell-pool.ts";
import { place, type Slots } from "./slots.ts";

const SPARSE = CELLS / 4;
/** The word of a slot's side that says where it lies. */
const CELL = 1;

class Bucket {
  /** The number of its block of cells. */
  readonly block: number;
  /** Cells below this place are blank. */
  head = 0;
  /** The first place that has not been used. */
  end = 0;
  max = -Infinity;
  inOrder = true;

  constructor(block: number) {
    this.block = block;
  }
}

/** Slots by deadline. It reads deadlines from the slots and does not set them. */
export class ExpiryIndex<V> {
  readonly #slots: Slots<V>;
  readonly #starts: number[] = [];
  readonly #buckets: Bucket[] = [];
  readonly #pool: CellPool = new CellPool();
  #last: Bucket | undefined;
  /** At most every deadline, so that the usual answer, nothing is dead, needs no look at an entry. */
  #earliest = Infinity;

  constructor(slots: Slots<V>) {
    this.#slots = slots;
  }

  /** Adds an entry that is not there. Its deadline must stay what it is until it is removed. */
  add(slot: number): void {
    const deadline = this.#slots.deadline(slot);
    if (deadline < this.#earliest) this.#earliest = deadline;
    const last = this.#last;
    if (last !== undefined && deadline >= last.max && last.end < CELLS) this.#append(last, slot, deadline);
    else this.#addAnywhere(slot, deadline);
  }

  /** Removes an entry that is there. */
  remove(slot: number): void {
    const cell = this.#slots.sideOf(slot)[place(slot) + CELL]!;
    const left = this.#pool.take(cell);
    if (left <= SPARSE && (left & (left - 1)) === 0) this.#thinned(blockOf(cell), this.#slots.deadline(slot), left);
  }

  /** The entry with the earliest deadline, if it is dead at this instant; otherwise 0. */
  firstDead(now: number): number {
    if (this.#earliest > now) return 0;
    const slot = this.first();
    this.#earliest = slot === 0 ? Infinity : this.#slots.deadline(slot);
    return this.#earliest <= now ? slot : 0;
  }

  /** The entry with the earliest deadline; 0 if there is none. */
  first(): number {
    const bucket = this.#buckets[0];
    if (bucket === undefined) return 0;
    if (!bucket.inOrder) this.#refill(bucket, this.#members(bucket).sort(this.#byDeadline));
    const first = bucket.block * CELLS;
    while (this.#pool.get(first + bucket.head) === 0) bucket.head++;
    return this.#pool.get(first + bucket.head);
  }

  /** How many entries are dead at this instant. Looks at one number in 256 entries, and into one bucket. */
  countDead(now: number): number {
    if (this.#earliest > now) return 0;
    let dead = 0;
    for (let i = 0; i < this.#buckets.length && this.#starts[i]! <= now; i++) {
      const bucket = this.#buckets[i]!;
      if (bucket.max <= now) dead += this.#pool.count(bucket.block);
      else for (const slot of this.#members(bucket)) dead += Number(this.#slots.deadline(slot) <= now);
    }
    return dead;
  }

  #addAnywhere(slot: number, deadline: number): void {
    const at = this.#find(deadline);
    const bucket = this.#buckets[at];
    if (bucket === undefined) {
      this.#append(this.#open(0, deadline), slot, deadline);
      return;
    }
    if (deadline < this.#starts[at]!) this.#starts[at] = deadline;
    if (bucket.end < CELLS) {
      this.#append(bucket, slot, deadline);
    } else if (deadline >= bucket.max) {
      this.#append(this.#open(at + 1, deadline), slot, deadline);
    } else {
      this.#makeRoom(at, bucket);
      this.#addAnywhere(slot, deadline);
    }
  }

  /** Gives a full bucket, or the two that it becomes, free cells. */
  #makeRoom(at: number, bucket: Bucket): void {
    const members = this.#members(bucket);
    if (members.length <= CELLS / 2) {
      this.#refill(bucket, members);
      return;
    }
    const deadlines = members.map((slot) => this.#slots.deadline(slot));
    const max = Math.max(...deadlines);
    const mean = deadlines.reduce((sum, deadline) => sum + (deadline - max) / members.length, max);
    // More than the least, if there are two, so that neither part is empty.
    const border = Math.min(max, Math.max(Math.min(...deadlines) + 1, Math.ceil(mean)));
    const low = members.filter((_, i) => deadlines[i]! < border);
    const high = low.length === 0 ? members.splice(CELLS / 2) : members.filter((_, i) => deadlines[i]! >= border);
    const upper = this.#open(at + 1, border);
    this.#refill(bucket, low.length === 0 ? members : low);
    this.#refill(upper, high);
  }

  /** A bucket has become sparse, or empty. A deadline that was in it tells where it is. */
  #thinned(block: number, deadline: number, left: number): void {
    let at = this.#buckets[0]!.block === block ? 0 : this.#find(deadline);
    // Entries of one instant can fill several buckets, which then have the same start.
    while (this.#buckets[at]!.block !== block) at--;
    if (left === 0) this.#drop(at);
    else this.#join(at);
  }

  #join(at: number): void {
    const bucket = this.#buckets[at]!;
    const after = this.#buckets[at + 1];
    const before = this.#buckets[at - 1];
    const room = CELLS - SPARSE - this.#pool.count(bucket.block);
    if (after !== undefined && this.#pool.count(after.block) <= room) this.#merge(at, bucket, after);
    else if (before !== undefined && this.#pool.count(before.block) <= room) this.#merge(at - 1, before, bucket);
  }

  #merge(at: number, low: Bucket, high: Bucket): void {
    this.#refill(low, [...this.#members(low), ...this.#members(high)]);
    this.#drop(at + 1);
  }

  /** Writes these members into a bucket, from its first cell on. */
  #refill(bucket: Bucket, members: readonly number[]): void {
    this.#pool.blank(bucket.block);
    bucket.head = bucket.end = 0;
    bucket.max = -Infinity;
    bucket.inOrder = true;
    for (const slot of members) this.#append(bucket, slot, this.#slots.deadline(slot));
  }

  #append(bucket: Bucket, slot: number, deadline: number): void {
    const cell = bucket.block * CELLS + bucket.end++;
    this.#pool.fill(cell, slot);
    if (deadline >= bucket.max) bucket.max = deadline;
    else bucket.inOrder = false;
    this.#slots.sideOf(slot)[place(slot) + CELL] = cell;
  }

  #members(bucket: Bucket): number[] {
    const members: number[] = [];
    for (let i = bucket.head; i < bucket.end; i++) {
      const slot = this.#pool.get(bucket.block * CELLS + i);
      if (slot !== 0) members.push(slot);
    }
    return members;
  }

  readonly #byDeadline = (a: number, b: number): number => this.#slots.deadline(a) - this.#slots.deadline(b);

  /** The last bucket that starts at this deadline or before; the first if none does. */
  #find(deadline: number): number {
    const starts = this.#starts;
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (deadline < starts[middle]!) high = middle;
      else low = middle;
    }
    return low;
  }

  #open(at: number, start: number): Bucket {
    const bucket = new Bucket(this.#pool.allocate());
    this.#starts.splice(at, 0, start);
    this.#buckets.splice(at, 0, bucket);
    this.#last = this.#buckets.at(-1);
    return bucket;
  }

  #drop(at: number): void {
    this.#pool.release(this.#buckets[at]!.block);
    if (at === 0) {
      this.#starts.shift();
      this.#buckets.shift();
    } else {
      this.#starts.splice(at, 1);
      this.#buckets.splice(at, 1);
    }
    this.#last = this.#buckets.at(-1);
  }
}
