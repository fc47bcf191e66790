/**
 * What expires when: finds every dead entry, the earliest first, without a timer or a scan.
 *
 * Entries of one ttl expire in the order in which they were written. So they form a list: a new one goes to its end,
 * in constant time, and the first one is the next to die. With several ttls there are as many lists; an entry goes to
 * the list with the latest end that is not after its own deadline, so that each ttl finds its own list without being
 * named. With one ttl that is one comparison.
 *
 * What fits no list, because there are {@link LISTS} already or the clock went back, goes into an {@link ExpiryIndex},
 * which takes deadlines in any order. So does everything where dead entries have to be counted, which lists cannot do
 * without walking along them.
 *
 * The links lie in the slots' `side`: `earlier`, `later`, and a word that tells the list and, above it, which addition it
 * was, modulo 2^28. Of equal deadlines the one that was added first goes first, also where they are in different lists.
 */
import { ExpiryIndex } from "./expiry-index.ts";
import { place, type Slots } from "./slots.ts";

const LISTS = 8;
const LIST_BITS = 4;
const LIST_MASK = (1 << LIST_BITS) - 1;
/** Instead of a list's number: in the index, or nowhere, since it never dies. */
const IN_INDEX = LISTS;
const NEVER = LISTS + 1;
// Words of a slot's side.
const EARLIER = 1;
const LATER = 2;
const LIST = 3;

/** What is wanted of the order of deadlines. */
export interface ExpiryOptions {
  /** Whether {@link ExpiryLists.countDead} has to be quick, whatever the number of dead entries. */
  readonly counted?: boolean;
}

/** Slots by deadline. It reads deadlines from the slots and does not set them. */
export class ExpiryLists<V> {
  readonly #slots: Slots<V>;
  readonly #most: number;
  readonly #index: ExpiryIndex<V>;
  readonly #first: Int32Array = new Int32Array(LISTS);
  readonly #last: Int32Array = new Int32Array(LISTS);
  /** The deadline of each list's last entry; of an empty one, before all. */
  readonly #end: Float64Array = new Float64Array(LISTS).fill(-Infinity);
  /** How many lists have been used. */
  #used = 0;
  /** At most every deadline, so that the usual answer, nothing is dead, needs no look at an entry. */
  #earliest = Infinity;
  #additions = 0;

  constructor(slots: Slots<V>, { counted = false }: ExpiryOptions = {}) {
    this.#slots = slots;
    this.#most = counted ? 0 : LISTS;
    this.#index = new ExpiryIndex(slots);
  }

  /** Adds an entry that is not there. Its deadline must stay what it is until it is removed. */
  add(slot: number, deadline: number): void {
    if (deadline < this.#earliest) this.#earliest = deadline;
    this.#additions = (this.#additions + (1 << LIST_BITS)) | 0;
    const list = deadline === Infinity ? NEVER : this.#listFor(deadline);
    if (list < LISTS) this.#append(list, slot, deadline);
    else this.#addElsewhere(list, slot);
  }

  /** Removes an entry that is there. */
  remove(slot: number): void {
    const side = this.#slots.sideOf(slot);
    const at = place(slot);
    const list = side[at + LIST]! & LIST_MASK;
    if (list >= LISTS) {
      if (list === IN_INDEX) this.#index.remove(slot);
      return;
    }
    const earlier = side[at + EARLIER]!;
    const later = side[at + LATER]!;
    if (earlier === 0) this.#first[list] = later;
    else this.#slots.sideOf(earlier)[place(earlier) + LATER] = later;
    if (later !== 0) this.#slots.sideOf(later)[place(later) + EARLIER] = earlier;
    else this.#shorten(list, earlier);
  }

  /** The entry with the earliest deadline, if it is dead at this instant; otherwise 0. */
  firstDead(now: number): number {
    if (this.#earliest > now) return 0;
    let first = this.#index.first();
    let earliest = first === 0 ? Infinity : this.#slots.deadline(first);
    for (let list = 0; list < this.#used; list++) {
      const slot = this.#first[list]!;
      if (slot === 0) continue;
      const deadline = this.#slots.deadline(slot);
      if (deadline > earliest || (deadline === earliest && this.#isLater(slot, first))) continue;
      earliest = deadline;
      first = slot;
    }
    this.#earliest = earliest;
    return earliest <= now ? first : 0;
  }

  /** How many entries are dead at this instant. */
  countDead(now: number): number {
    if (this.#earliest > now) return 0;
    let dead = this.#index.countDead(now);
    for (let list = 0; list < this.#used; list++) {
      let slot = this.#first[list]!;
      for (; slot !== 0 && this.#slots.deadline(slot) <= now; dead++) {
        slot = this.#slots.sideOf(slot)[place(slot) + LATER]!;
      }
    }
    return dead;
  }

  /** Whether an entry was added after another one. */
  #isLater(slot: number, other: number): boolean {
    const difference = this.#slots.sideOf(slot)[place(slot) + LIST]! - this.#slots.sideOf(other)[place(other) + LIST]!;
    return (difference | 0) > 0;
  }

  /** The list with the latest end that is not after this deadline; a new one if there is none. */
  #listFor(deadline: number): number {
    const ends = this.#end;
    const used = this.#used;
    let best = IN_INDEX;
    let latest = -Infinity;
    for (let list = 0; list < used; list++) {
      const end = ends[list]!;
      if (end > deadline || end < latest) continue;
      best = list;
      latest = end;
    }
    return best === IN_INDEX && used < this.#most ? this.#used++ : best;
  }

  #append(list: number, slot: number, deadline: number): void {
    const side = this.#slots.sideOf(slot);
    const at = place(slot);
    const last = this.#last[list]!;
    side[at + EARLIER] = last;
    side[at + LATER] = 0;
    side[at + LIST] = this.#additions | list;
    if (last === 0) this.#first[list] = slot;
    else this.#slots.sideOf(last)[place(last) + LATER] = slot;
    this.#last[list] = slot;
    this.#end[list] = deadline;
  }

  #addElsewhere(where: number, slot: number): void {
    this.#slots.sideOf(slot)[place(slot) + LIST] = this.#additions | where;
    if (where === IN_INDEX) this.#index.add(slot);
  }

  /** The last entry of a list has gone. */
  #shorten(list: number, last: number): void {
    this.#last[list] = last;
    this.#end[list] = last === 0 ? -Infinity : this.#slots.deadline(last);
  }
}
