/**
 * From keys to slots: open addressing in one array of 32-bit cells.
 *
 * A cell is blank (0), or holds the number of a slot and as much of the key's hash as there is room for. With 2^b
 * cells (here b = 12) a slot's number takes b bits, and the rest is the tag:
 *
 *     hash   │ 31 ──────── 20 │ 19 ─────────────── 8 │ 7 ── 0 │
 *              home: the cell
 *              where it begins
 *     cell   │ 31 ────────────────────────── 12 │ 11 ───── 0 │
 *              tag: bits 8 to 27 of the hash      slot
 *
 * A look-up begins at the key's home and goes from cell to cell until a blank one; only where the tag agrees is the key
 * itself looked at, so other keys are hardly ever touched. The tag's topmost eight bits are the lowest eight of the
 * home, so a cell says by itself how far from home it is. That is what a deletion needs: it moves later cells back into
 * the hole, and no dead places are left behind. Nothing ever lies more than {@link FARTHEST} cells from home: a key
 * that would goes into `#overflow`, a Map. That many keys near one home do not happen by chance.
 *
 * **Growing** makes a new array, and moves {@link MOVES} cells of the old one with each key that is added, so that no
 * call pays for all; the hash of each key is kept with its slot, so its string is not touched. Meanwhile a key is in
 * the new array, or else in the old one beyond `#moved`, which always lies at a blank cell: no run is cut in two. An
 * array that was not written costs nothing, so where the capacity is known there is one growth, early.
 *
 * **Crafted keys.** A hash that looks at four characters is easily made to collide. Every cell that a new key passes
 * and that has its tag is counted. Where {@link WINDOW} additions pass more than chance explains, the index moves over to
 * a dearer hash (`KeyHasher`), a few cells at a time, and in the end to a keyed one. Until then a look-up passes at most
 * the cells of one run, and the run is bounded by `FARTHEST`; so the worst that an attacker gets is a few thousand slow
 * additions for each move.
 */
import { hashBy, KeyHasher, type Way } from "./key-hasher.ts";
import type { SlotsOptions } from "./slots.ts";

/** So many of the cells are used at most. */
const LOAD = 0.625;
const FIRST_BITS = 5;
/** From this size on, a known capacity is allotted at once; up to the other one. */
const JUMP_BITS = 14;
const JUMP_TO_BITS = 22;
/** With more bits than these, the tag no longer holds eight bits of the home. */
const SELF_TELLING_BITS = 24;
/** 168 million entries. */
const MOST_BITS = 28;
const FARTHEST = 200;
/** Beyond the last home: room for what lies far from it, and blank cells that end every look-up. */
const PADDING = 256;
/** Up to so many entries all are moved at once, in less than a millisecond. */
const AT_ONCE = 16_384;
const MOVES = 16;
/** After so many additions the collisions are counted up. */
const WINDOW = 1_024;
const FEW_COLLISIONS = 256;
const OVERFLOW_COUNTS = 1_024;

/** Slots by key. */
export class KeyIndex<V> extends KeyHasher<V> {
  /** How many keys there are. */
  size = 0;
  #cells!: Int32Array;
  #bits!: number;
  #shift!: number;
  #slotMask!: number;
  #limit!: number;
  /** The array that is being moved over, and how far that has got; `undefined` when none is. */
  #old: Int32Array | undefined;
  #oldBits = 0;
  #oldWay: Way = this.way;
  #moved = 0;
  #overflow: Map<string, number> | undefined;
  #collisions = 0;
  #additions = 0;

  constructor(options: SlotsOptions = {}) {
    super(options);
    this.#open(FIRST_BITS);
  }

  /** The slot of a key; 0 if it is not there. */
  find(key: string, hash: number = this.hash(key)): number {
    const cells = this.#cells;
    const slotMask = this.#slotMask;
    const tag = (hash >>> 8) << this.#bits;
    for (let at = hash >>> this.#shift, cell: number; (cell = cells[at]!) !== 0; at++) {
      // One comparison: the tags agree if nothing but bits of the slot is left.
      if ((cell ^ tag) >>> 0 <= slotMask && this.key(cell & slotMask) === key) return cell & slotMask;
    }
    return this.#old === undefined && this.#overflow === undefined ? 0 : this.#findElsewhere(key, hash);
  }

  /** Adds the key of a slot, which is not there. */
  protected addKey(slot: number, hash: number): void {
    if (++this.size > this.#limit && this.#old === undefined && this.#bits < MOST_BITS) {
      this.#grow();
      // The grown one may look at other characters.
      hash = this.hash(this.key(slot));
    }
    if (this.#old !== undefined) this.#move();
    this.setHashAt(slot, hash);
    this.#put(slot, hash);
    if ((++this.#additions & (WINDOW - 1)) === 0) this.#judgeCollisions();
  }

  /** Removes the key of a slot, which is there. */
  protected deleteKey(slot: number): void {
    this.size--;
    const hash = this.hashAt(slot);
    if (take(this.#cells, this.#bits, hash, slot, this)) return;
    const old = this.#old;
    if (old !== undefined && hash >>> (32 - this.#oldBits) >= this.#moved) {
      if (take(old, this.#oldBits, hash, slot, this)) return;
    }
    this.#overflow!.delete(this.key(slot));
    if (this.#overflow!.size === 0) this.#overflow = undefined;
  }

  #findElsewhere(key: string, hash: number): number {
    const old = this.#old;
    if (old !== undefined) {
      const before = this.#oldWay === this.way ? hash : hashBy(this.#oldWay, key);
      let at = before >>> (32 - this.#oldBits);
      if (at >= this.#moved) {
        const tag = (before >>> 8) << this.#oldBits;
        const mask = 2 ** this.#oldBits - 1;
        for (let cell: number; (cell = old[at]!) !== 0; at++) {
          if (((cell ^ tag) & ~mask) === 0 && this.key(cell & mask) === key) return cell & mask;
        }
      }
    }
    return this.#overflow?.get(key) ?? 0;
  }

  #put(slot: number, hash: number): void {
    const cells = this.#cells;
    const tag = (hash >>> 8) << this.#bits;
    const slotMask = this.#slotMask;
    const home = hash >>> this.#shift;
    for (let at = home; at <= home + FARTHEST; at++) {
      const cell = cells[at]!;
      if (cell === 0) {
        cells[at] = tag | slot;
        return;
      }
      if (((cell ^ tag) & ~slotMask) === 0) this.#collisions++;
    }
    (this.#overflow ??= new Map()).set(this.key(slot), slot);
    this.#collisions += OVERFLOW_COUNTS;
  }

  #open(bits: number): void {
    this.#bits = bits;
    this.#shift = 32 - bits;
    this.#slotMask = 2 ** bits - 1;
    this.#limit = Math.floor(2 ** bits * LOAD);
    this.#cells = new Int32Array(2 ** bits + PADDING);
  }

  #grow(): void {
    const final = Math.max(FIRST_BITS, Math.ceil(Math.log2((this.capacity + 1) / LOAD)));
    const jumps = this.#bits >= JUMP_BITS && final <= JUMP_TO_BITS && final > this.#bits;
    this.#leave();
    if (this.size <= AT_ONCE) this.choosePlace();
    this.#moveTo(jumps ? final : this.#bits + 1);
  }

  /** A window of additions is over: did their tags agree more often than chance explains? */
  #judgeCollisions(): void {
    const collisions = this.#collisions;
    // Each key passes a few cells, and one in 2^(32 - bits) of them has its tag.
    const byChance = (4 * WINDOW * this.size) / 2 ** 24;
    this.#collisions = 0;
    if (collisions <= FEW_COLLISIONS + byChance || this.#old !== undefined) return;
    this.#leave();
    this.sharpen();
    this.#moveTo(this.#bits);
  }

  #leave(): void {
    this.#old = this.#cells;
    this.#oldBits = this.#bits;
    this.#oldWay = this.way;
    this.#moved = 0;
  }

  #moveTo(bits: number): void {
    this.#open(bits);
    if (this.size <= AT_ONCE) while (this.#old !== undefined) this.#move();
  }

  /** Moves some cells of the old array over, and on to the end of their run. */
  #move(): void {
    const old = this.#old!;
    const mask = 2 ** this.#oldBits - 1;
    const isSameWay = this.#oldWay === this.way;
    // Only what comes in tells of collisions.
    const collisions = this.#collisions;
    let at = this.#moved;
    for (const least = at + MOVES; at < old.length && (at < least || old[at] !== 0); at++) {
      if (old[at] !== 0) this.#rehash(old[at]! & mask, isSameWay);
    }
    this.#moved = at;
    if (at >= old.length) {
      this.#old = undefined;
      if (!isSameWay) this.#rehashOverflow();
    }
    this.#collisions = collisions;
  }

  #rehash(slot: number, isSameWay: boolean): void {
    const hash = isSameWay ? this.hashAt(slot) : this.hash(this.key(slot));
    if (!isSameWay) this.setHashAt(slot, hash);
    this.#put(slot, hash);
  }

  #rehashOverflow(): void {
    const overflow = this.#overflow;
    this.#overflow = undefined;
    for (const slot of overflow?.values() ?? []) this.#rehash(slot, false);
  }
}

/** Takes a slot out of an array, and moves what lies beyond it back, where that is nearer home. Whether it was there. */
function take<V>(cells: Int32Array, bits: number, hash: number, slot: number, index: KeyIndex<V>): boolean {
  const wanted = ((hash >>> 8) << bits) | slot;
  let hole = hash >>> (32 - bits);
  for (let cell: number; (cell = cells[hole]!) !== wanted; hole++) if (cell === 0) return false;
  const isSelfTelling = bits <= SELF_TELLING_BITS;
  for (let at = hole + 1, cell: number; (cell = cells[at]!) !== 0; at++) {
    const distance = isSelfTelling
      ? (at - (cell >>> 24)) & 255
      : at - (index.hashAt(cell & (2 ** bits - 1)) >>> (32 - bits));
    if (distance < at - hole) continue;
    cells[hole] = cell;
    hole = at;
  }
  cells[hole] = 0;
  return true;
}
