/**
 * The cells of the expiry index: blocks of {@link CELLS} slot numbers, and how many of each block's are not blank.
 *
 * They lie in a few long arrays and not in one array a block, because a removal has to reach one cell among all of
 * them: through a block's own object and array that is three places in memory more. As with slots, arrays are pages that
 * never move, but the first, which starts with one block and doubles.
 */
const BITS = 8;
/** How many cells a block has. */
export const CELLS: number = 1 << BITS;
const PAGE_BITS = 14;
const PAGE_CELLS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_CELLS - 1;

/** Blocks of cells, given out and taken back. A cell's number is its block's times {@link CELLS}, plus its place. */
export class CellPool {
  readonly #pages: Uint32Array[] = [];
  #first: Uint32Array = new Uint32Array(CELLS);
  #counts: Uint32Array = new Uint32Array(1);
  readonly #free: number[] = [];
  #used = 0;

  /** A block of blank cells. Returns its number. */
  allocate(): number {
    const reused = this.#free.pop();
    if (reused !== undefined) return reused;
    const block = this.#used++;
    if (block === this.#counts.length) this.#counts = doubled(this.#counts);
    const cell = block << BITS;
    if (cell < PAGE_CELLS) {
      if (cell === this.#first.length) this.#first = doubled(this.#first);
    } else if ((cell & PAGE_MASK) === 0) {
      this.#pages[cell >>> PAGE_BITS] = new Uint32Array(PAGE_CELLS);
    }
    return block;
  }

  /** Takes a block back. */
  release(block: number): void {
    this.blank(block);
    this.#free.push(block);
  }

  /** Blanks all cells of a block. */
  blank(block: number): void {
    const cell = block << BITS;
    const from = cell & PAGE_MASK;
    this.#page(cell).fill(0, from, from + CELLS);
    this.#counts[block] = 0;
  }

  /** How many cells of a block are not blank. */
  count(block: number): number {
    return this.#counts[block]!;
  }

  get(cell: number): number {
    return this.#page(cell)[cell & PAGE_MASK]!;
  }

  /** Puts a slot into a blank cell. */
  fill(cell: number, slot: number): void {
    this.#page(cell)[cell & PAGE_MASK] = slot;
    this.#counts[cell >>> BITS]!++;
  }

  /** Blanks a cell that is not blank. Returns how many others of its block are not. */
  take(cell: number): number {
    this.#page(cell)[cell & PAGE_MASK] = 0;
    return --this.#counts[cell >>> BITS]!;
  }

  #page(cell: number): Uint32Array {
    return cell < PAGE_CELLS ? this.#first : this.#pages[cell >>> PAGE_BITS]!;
  }
}

function doubled(array: Uint32Array): Uint32Array {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}

/** The block that a cell is in. */
export function blockOf(cell: number): number {
  return cell >>> BITS;
}
