/** Who is next to be looked at: a heap by instant, in which what is moved to later is only noted until its turn comes. */

/** Something with a deadline that only moves to later. */
export interface Dated {
  /** In epoch milliseconds. */
  expiresAt: number;
  /** Its place in the heap, or -1. */
  place: number;
  /** The instant by which it is placed: never after `expiresAt`. */
  placedAt: number;
}

export class Deadlines<T extends Dated> {
  readonly #heap: T[] = [];

  /** The instant at which something may be due; `Infinity` if there is nothing. */
  get next(): number {
    return this.#heap[0]?.placedAt ?? Number.POSITIVE_INFINITY;
  }

  add(item: T): void {
    if (item.place !== -1) this.remove(item);
    item.placedAt = item.expiresAt;
    this.#up(this.#heap.length, item);
  }

  remove(item: T): void {
    const { place } = item;
    if (place === -1) return;
    item.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#up(place, last);
    this.#down(last.place, last);
  }

  /** Takes out the next one that is due; `undefined` if none is. */
  takeDue(now: number): T | undefined {
    for (;;) {
      const first = this.#heap[0];
      if (first === undefined || now < first.placedAt) return undefined;
      if (now >= first.expiresAt) {
        this.remove(first);
        return first;
      }
      // It was moved since.
      first.placedAt = first.expiresAt;
      this.#down(0, first);
    }
  }

  /** Puts an item where it belongs, from a place that is free, or its own, towards the first. */
  #up(from: number, item: T): void {
    const heap = this.#heap;
    let place = from;
    while (place > 0) {
      const above = heap[(place - 1) >> 1]!;
      if (above.placedAt <= item.placedAt) break;
      this.#put(place, above);
      place = (place - 1) >> 1;
    }
    this.#put(place, item);
  }

  #down(from: number, item: T): void {
    const heap = this.#heap;
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      if (left >= heap.length) break;
      const below = right < heap.length && heap[right]!.placedAt < heap[left]!.placedAt ? right : left;
      if (heap[below]!.placedAt >= item.placedAt) break;
      this.#put(place, heap[below]!);
      place = below;
    }
    this.#put(place, item);
  }

  #put(place: number, item: T): void {
    this.#heap[place] = item;
    item.place = place;
  }
}
