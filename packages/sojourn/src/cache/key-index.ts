/**
 * From keys to slots, without a pause when it grows.
 *
 * A JavaScript Map looks up strings faster than anything written in JavaScript can (the engine keeps each string's
 * hash), but it rehashes all at once when it doubles: 3 ms at 16,384 entries, 170 ms at a million. So no Map gets big:
 * up to {@link FIRST_FULL} entries there is one; beyond, there are eight times as many, chosen by a few characters
 * of the key, and again when those are full. The entries move over a few at a time, {@link MOVES} with each insertion.
 *
 * While they move there are two generations, `old` and `now`. A key whose old Map has been moved is in `now`. In the
 * old Map that is being moved it may be in either or both: a key's slot never changes while it is there, so a copy
 * cannot be wrong, and a removal removes both. Otherwise it is in its old Map. A Map that has been moved is dropped
 * whole, which costs nothing.
 *
 * Which characters: three in a row, the first ones from the front that tell a sample of the keys apart, or else the last
 * three. A string's first characters lie in memory beside the hash that the Map reads; its last ones often do not, and
 * at a hundred thousand entries that is a fifth of a look-up.
 *
 * A key that is removed and added again, over and over, leaves a dead place in the Map each time, all in one chain that
 * look-ups then walk: 60 microseconds each with 10,000 entries. So where a key may return, its removal leaves it in the
 * Map with slot 0, which no entry has. Only the last {@link AWAITED} such keys wait so; then they go for good.
 *
 * The choice of a Map by characters is not a hash against attackers. Keys that agree in all of the characters looked
 * at end in one Map: they are found as fast as ever, and what is lost is only the bound on the pause.
 */
/** How many keys one Map holds before there are more, and how many each of them holds before there are more again. */
const FIRST_FULL = 16_384;
const FULL = 4_096;
const FANOUT_BITS = 3;
const MOVES = 8;
/** How many removed keys are waited for. */
const AWAITED = 32;
/** The slot of a key that was removed and may return. */
const ABSENT = 0;

/** No more Maps than 2 to the power of this, however many entries there are. */
const MAX_BITS = 18;

/** How many keys are looked at to choose the characters, and how many of those must differ in them. */
const SAMPLE = 64;
const DIFFERENT = 40;
/** How far from the front characters are looked for. */
const FAR = 24;
/** The place that means: the last three characters. */
const AT_END = -3;

type Entry = [key: string, slot: number];

/** A map from strings to slot numbers. */
export class KeyIndex {
  /** The only Map, while one is enough. */
  #only: Map<string, number> | undefined = new Map();
  /** Otherwise the Maps; the number of a key's is the topmost bits of what it mixes to. */
  #maps: Map<string, number>[] = [];
  #shift = 32;
  /** Where in a key the characters are that choose its Map. */
  #from = AT_END;
  /** The generation that is being moved over; `undefined` when none is. */
  #old: Map<string, number>[] | undefined;
  #oldShift = 32;
  #oldFrom = AT_END;
  /** Which of the old Maps is being moved, and how far it has got. */
  #moving = 0;
  #rest: Iterator<Entry> | undefined;
  #size = 0;
  readonly #awaited: (string | undefined)[] = [];
  #nextAwaited = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): number | undefined {
    let map = this.#only;
    if (map === undefined) {
      if (this.#old !== undefined) return this.#getWhileMoving(key, this.#old);
      map = this.#maps[mix(key, this.#from) >>> this.#shift]!;
    }
    const slot = map.get(key);
    return slot === ABSENT ? undefined : slot;
  }

  /** Adds a key that is not there. */
  add(key: string, slot: number): void {
    this.#size++;
    if (this.#only !== undefined) {
      if (this.#size <= FIRST_FULL) {
        this.#only.set(key, slot);
        return;
      }
      this.#spread([this.#only]);
      this.#only = undefined;
    } else if (this.#old === undefined && this.#size > FULL * this.#maps.length && 32 - this.#shift < MAX_BITS) {
      this.#spread(this.#maps);
    }
    this.#home(key).set(key, slot);
    if (this.#old !== undefined) this.#move(this.#old);
  }

  /**
   * Removes a key that is there.
   *
   * @param mayReturn whether it may well be added again soon
   */
  delete(key: string, mayReturn = false): void {
    this.#size--;
    if (this.#old !== undefined) {
      // While entries move, a key can be in two Maps, one of which is about to be dropped.
      this.#old[this.#oldPlace(key)]!.delete(key);
      this.#map(key).delete(key);
    } else if (mayReturn) {
      this.#await(key);
    } else {
      this.#map(key).delete(key);
    }
  }

  #await(key: string): void {
    this.#map(key).set(key, ABSENT);
    const forgotten = this.#awaited[this.#nextAwaited];
    this.#awaited[this.#nextAwaited] = key;
    this.#nextAwaited = (this.#nextAwaited + 1) % AWAITED;
    // A key that was left behind in an old Map has gone with it.
    if (forgotten === undefined || forgotten === key) return;
    const map = this.#map(forgotten);
    if (map.get(forgotten) === ABSENT) map.delete(forgotten);
  }

  #getWhileMoving(key: string, old: readonly Map<string, number>[]): number | undefined {
    const at = this.#oldPlace(key);
    if (at >= this.#moving) {
      const slot = old[at]!.get(key);
      if (slot !== undefined && slot !== ABSENT) return slot;
      // What is inserted while its old Map is being moved is in the new generation only.
      if (at > this.#moving) return undefined;
    }
    const slot = this.#map(key).get(key);
    return slot === ABSENT ? undefined : slot;
  }

  /** The Map of a key in the new generation. */
  #map(key: string): Map<string, number> {
    return this.#only ?? this.#maps[mix(key, this.#from) >>> this.#shift]!;
  }

  /** The Map that a new key belongs in. */
  #home(key: string): Map<string, number> {
    if (this.#old !== undefined) {
      const at = this.#oldPlace(key);
      if (at > this.#moving) return this.#old[at]!;
    }
    return this.#map(key);
  }

  /** Which of the old Maps. A shift by 32 is one by 0 in JavaScript, and a single Map has number 0. */
  #oldPlace(key: string): number {
    return this.#oldShift === 32 ? 0 : mix(key, this.#oldFrom) >>> this.#oldShift;
  }

  /** Begins a new generation, with the Maps so far as the old one. */
  #spread(old: Map<string, number>[]): void {
    this.#old = old;
    this.#oldShift = this.#shift;
    this.#oldFrom = this.#from;
    this.#moving = 0;
    this.#rest = undefined;
    this.#shift -= FANOUT_BITS;
    this.#from = tellingPlace(old);
    this.#maps = Array.from({ length: 2 ** (32 - this.#shift) }, () => new Map<string, number>());
  }

  #move(old: Map<string, number>[]): void {
    this.#rest ??= old[this.#moving]!.entries();
    for (let i = 0; i < MOVES; i++) {
      const { done, value } = this.#rest.next() as IteratorResult<Entry, undefined>;
      if (done === true) {
        // Dropped whole. With an empty Map in its place, `delete` needs no case of its own.
        old[this.#moving] = new Map();
        this.#rest = undefined;
        if (++this.#moving === old.length) this.#old = undefined;
        return;
      }
      // What is absent here may meanwhile be present there.
      if (value[1] !== ABSENT) this.#map(value[0]).set(value[0], value[1]);
    }
  }
}

/** The first place from which three characters tell a sample of the keys apart. */
function tellingPlace(maps: readonly Map<string, number>[]): number {
  const sample: string[] = [];
  for (const map of maps) {
    for (const key of map.keys()) {
      if (sample.push(key) % Math.ceil(SAMPLE / maps.length) === 0) break;
    }
  }
  for (let from = 0; from < FAR; from++) {
    const different = new Set(sample.map((key) => mix(key, from)));
    if (different.size >= (sample.length * DIFFERENT) / SAMPLE) return from;
  }
  return AT_END;
}

/** 32 bits from three characters of a key. A place below 0 counts from its end. */
function mix(key: string, from: number): number {
  const at = from >= 0 ? from : key.length + from;
  const text =
    Math.imul(key.charCodeAt(at), 31) + Math.imul(key.charCodeAt(at + 1), 1_021) + Math.imul(key.charCodeAt(at + 2), 7);
  return Math.imul(text, 0x9e37_79b1);
}
