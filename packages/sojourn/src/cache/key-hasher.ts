/**
 * A seeded hash of keys that reads as little of a key as tells the present keys apart.
 *
 * V8 keeps the hash of a string with the string. A request brings a fresh string each time, whose hash a `Map` first
 * has to compute over all characters; that costs more than the rest of a look-up. Keys of sessions are random, and four
 * characters of them say enough. So the hash is one of three, each dearer than the one before:
 *
 * - {@link FOUR} characters in a row, from the place that tells a sample of the keys apart;
 * - {@link EIGHT} in a row;
 * - {@link ALL} of them, through HalfSipHash-1-3, a keyed hash made against those who choose keys to collide.
 *
 * The first two are no defence: whoever knows the code can choose keys that agree in what is looked at. But such keys
 * collide, which the index counts (`KeyIndex`), and asks for the next hash ({@link KeyHasher.sharpen}); keys that
 * collide in the last one get other seeds. The seeds are 64 bits from the system's generator, for each table its own. They
 * are drawn at the first hash: a Cloudflare Worker may make a table outside of a request, but no random numbers.
 */
import { randomInts } from "../tokens/crypto.ts";
import { Slots, type SlotsOptions } from "./slots.ts";

const { imul } = Math;

/** How much of a key is looked at. */
export type Depth = typeof FOUR | typeof EIGHT | typeof ALL;
const FOUR = 4;
const EIGHT = 8;
const ALL = 0;

/** Shorter keys are read whole: there is no place to choose. */
const SHORT = 12;
/** How many keys are looked at to choose the place, and how many of those have to differ in it. */
const SAMPLE = 256;
const LEAST_SAMPLE = 16;
const DIFFERENT = 0.98;
/** How far from the front a place is looked for. */
const FAR = 72;
/** Longer than any key. */
const NEVER = 2 ** 30;

/** What a hash looks at, and under which seeds. Hashes of two ways have nothing to do with each other. */
export interface Way {
  readonly depth: Depth;
  readonly from: number;
  readonly seeds: Int32Array;
}

/** The way of a table that has hashed nothing yet. */
const UNSEEDED: Way = Object.freeze({ depth: FOUR, from: 0, seeds: new Int32Array(2) });

/** Hashes of keys, 32 bits. */
export class KeyHasher<V> extends Slots<V> {
  #way: Way = UNSEEDED;
  // The same, where the hash finds it at once.
  #from = 0;
  #seed = 0;
  /** From which length on the four characters are there. */
  #least = NEVER;

  constructor(options: SlotsOptions = {}) {
    super(options);
  }

  hash(key: string): number {
    if (key.length < this.#least) return this.#hashSlowly(key);
    const at = this.#from;
    const four =
      (((((key.charCodeAt(at) << 8) ^ key.charCodeAt(at + 1)) << 8) ^ key.charCodeAt(at + 2)) << 8) ^
      key.charCodeAt(at + 3);
    const mixed = imul(four ^ this.#seed, 0x2c1b3c6d);
    return imul(mixed ^ (mixed >>> 15), 0x9e3779b1);
  }

  /** The way in which keys are hashed at present. */
  protected get way(): Way {
    return this.#way;
  }

  /** Chooses the place that tells the keys apart best, or more of them; the same way again if none is better. */
  protected choosePlace(): void {
    if (this.#way.depth === ALL) return;
    const sample = this.#sample();
    if (sample.length < LEAST_SAMPLE) return;
    const shortest = Math.min(FAR, ...sample.map((key) => key.length));
    for (const depth of [FOUR, EIGHT] as const) {
      if (depth < this.#way.depth) continue;
      const from = bestPlace(sample, shortest - depth, depth, Math.min(this.#way.from, shortest - depth));
      if (from === undefined) continue;
      this.#look({ ...this.#way, depth, from });
      return;
    }
    this.#look({ ...this.#way, depth: ALL });
  }

  /** Too many keys collide: looks at more of each, or, where it looks at all already, from other seeds. */
  protected sharpen(): void {
    const { depth, from, seeds } = this.#way;
    if (depth === FOUR) {
      this.#look({ depth: EIGHT, from, seeds });
      this.choosePlace();
    } else {
      this.#look({ depth: ALL, from, seeds: depth === ALL ? randomInts(2) : seeds });
    }
  }

  #hashSlowly(key: string): number {
    if (this.#way === UNSEEDED) this.#look({ ...UNSEEDED, seeds: randomInts(2) });
    return hashBy(this.#way, key);
  }

  #look(way: Way): void {
    if (way.depth === this.#way.depth && way.from === this.#way.from && way.seeds === this.#way.seeds) return;
    this.#way = way;
    this.#from = way.from;
    this.#seed = way.seeds[0]!;
    this.#least = way.depth === FOUR ? Math.max(SHORT, way.from + FOUR) : NEVER;
  }

  /** Some of the keys that are long enough for a place to be chosen. */
  #sample(): string[] {
    const sample: string[] = [];
    const step = Math.max(1, Math.floor(this.end / SAMPLE));
    for (let slot = 1; slot < this.end && sample.length < SAMPLE; slot += step) {
      if (this.has(slot) && this.key(slot).length >= SHORT) sample.push(this.key(slot));
    }
    return sample;
  }
}

/** The hash of a key by a way that need not be the present one. */
export function hashBy({ depth, from, seeds }: Way, key: string): number {
  const seed = seeds[0]!;
  if (depth === ALL) return halfSipHash(key, seed, seeds[1]!);
  if (key.length < Math.max(SHORT, from + depth)) return hashShort(key, seed);
  if (depth === FOUR) {
    const mixed = imul(fourFrom(key, from) ^ seed, 0x2c1b3c6d);
    return imul(mixed ^ (mixed >>> 15), 0x9e3779b1);
  }
  const mixed = (imul(fourFrom(key, from) ^ seed, 0x2c1b3c6d) + fourFrom(key, from + 4)) ^ seeds[1]!;
  return imul(mixed ^ (mixed >>> 15), 0x9e3779b1);
}

function fourFrom(key: string, at: number): number {
  return (
    (((((key.charCodeAt(at) << 8) ^ key.charCodeAt(at + 1)) << 8) ^ key.charCodeAt(at + 2)) << 8) ^
    key.charCodeAt(at + 3)
  );
}

/** FNV-1a from a seed, with a last mixing. */
function hashShort(key: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < key.length; at++) hash = imul(hash ^ key.charCodeAt(at), 0x01000193);
  return imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
}

/**
 * The first of the places where so many characters tell a sample apart best; `undefined` if none does well enough.
 * The present place stays where it is as good.
 */
function bestPlace(sample: readonly string[], last: number, width: number, present: number): number | undefined {
  const told = (from: number): number => new Set(sample.map((key) => key.slice(from, from + width))).size;
  const enough = sample.length * DIFFERENT;
  let best = Math.max(0, present);
  let most = told(best);
  for (let from = 0; from <= last && most < enough; from++) {
    const count = told(from);
    if (count <= most) continue;
    most = count;
    best = from;
  }
  return most < enough ? undefined : best;
}

/**
 * HalfSipHash-1-3 over a key's 16-bit characters, two in a word, then the length, from two seeds of 32 bits.
 *
 * @see https://github.com/veorq/SipHash
 */
export function halfSipHash(key: string, seed0: number, seed1: number): number {
  let v0 = seed0;
  let v1 = seed1;
  let v2 = seed0 ^ 0x6c796765;
  let v3 = seed1 ^ 0x74656462;
  const { length } = key;
  // Whole words, the last one with the length, then three rounds that finish.
  const words = (length >>> 1) + 1;
  for (let word = 0; word < words + 3; word++) {
    const at = word << 1;
    let read = 0;
    if (word < words - 1) read = key.charCodeAt(at) | (key.charCodeAt(at + 1) << 16);
    else if (word === words - 1) read = (length & 1) === 1 ? key.charCodeAt(at) | (length << 16) : length << 16;
    else if (word === words) v2 ^= 0xff;
    v3 ^= read;
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
    v0 ^= read;
  }
  return v1 ^ v3;
}
