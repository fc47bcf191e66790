/**
 * How often a cache finds what is asked for, by its policy: `node bench/cache/hit-ratio.ts`. Least recently used is our
 * `MemoryCache` itself; SIEVE (Zhang et al., NSDI 2024) and S3-FIFO (Yang et al., SOSP 2023) are written down here from
 * their papers. The sequences are shapes that public traces have, made from a seed, so every run prints the same.
 */
import { MemoryCache } from "sojourn/cache";
import { ensure } from "../measure.ts";

const KEYS = 100_000;
const REQUESTS = 1_000_000;
const SIZES = [0.001, 0.01, 0.1] as const;

/** Whether a key was there; afterwards it is. */
type Policy = (key: number) => boolean;

function lru(size: number): Policy {
  const cache = new MemoryCache<true>({ maxSize: size });
  return (key) => {
    const name = `key-${key}`;
    if (cache.get(name) === true) return true;
    cache.set(name, true);
    return false;
  };
}

/** A queue in order of arrival, and a hand that goes from old to new, spares what was asked for, and takes the next. */
function sieve(size: number): Policy {
  interface Node {
    readonly key: number;
    visited: boolean;
    newer: Node | undefined;
    older: Node | undefined;
  }
  const nodes = new Map<number, Node>();
  let newest: Node | undefined;
  let oldest: Node | undefined;
  let hand: Node | undefined;
  function evict(): void {
    let victim = hand ?? oldest;
    while (victim?.visited === true) {
      victim.visited = false;
      victim = victim.newer ?? oldest;
    }
    if (victim === undefined) return;
    hand = victim.newer;
    if (victim.newer === undefined) newest = victim.older;
    else victim.newer.older = victim.older;
    if (victim.older === undefined) oldest = victim.newer;
    else victim.older.newer = victim.newer;
    nodes.delete(victim.key);
  }
  return (key) => {
    const found = nodes.get(key);
    if (found !== undefined) {
      found.visited = true;
      return true;
    }
    if (nodes.size === size) evict();
    const node: Node = { key, visited: false, newer: undefined, older: newest };
    if (newest === undefined) oldest = node;
    else newest.newer = node;
    newest = node;
    nodes.set(key, node);
    return false;
  };
}

const first = (queue: Map<number, true>): number => queue.keys().next().value as number;

/** A tenth of the room is a queue for newcomers; who is asked for there moves on; the names of the others are kept. */
function s3fifo(size: number): Policy {
  const uses = new Map<number, number>();
  // A Map keeps the order of insertion: a queue that can also be asked.
  const small = new Map<number, true>();
  const main = new Map<number, true>();
  const ghost = new Map<number, true>();
  const smallSize = Math.max(1, Math.floor(size / 10));
  function evictMain(): void {
    for (;;) {
      const key = first(main);
      main.delete(key);
      const used = uses.get(key) ?? 0;
      if (used === 0) {
        uses.delete(key);
        return;
      }
      uses.set(key, used - 1);
      main.set(key, true);
    }
  }
  function evict(): void {
    while (small.size >= smallSize || main.size === 0) {
      if (small.size === 0) break;
      const key = first(small);
      small.delete(key);
      if ((uses.get(key) ?? 0) > 1) {
        uses.set(key, 0);
        main.set(key, true);
        continue;
      }
      uses.delete(key);
      ghost.set(key, true);
      if (ghost.size > size - smallSize) ghost.delete(first(ghost));
      return;
    }
    evictMain();
  }
  return (key) => {
    const used = uses.get(key);
    if (used !== undefined) {
      uses.set(key, Math.min(3, used + 1));
      return true;
    }
    while (small.size + main.size >= size) evict();
    uses.set(key, 0);
    (ghost.delete(key) ? main : small).set(key, true);
    return false;
  };
}

/** xorshift32: the same numbers in every run. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function zipf(skew: number, random: () => number): () => number {
  const sums = new Float64Array(KEYS);
  let sum = 0;
  for (let i = 0; i < KEYS; i++) sums[i] = sum += 1 / (i + 1) ** skew;
  return () => {
    const at = random() * sum;
    let low = 0;
    for (let high = KEYS - 1; low < high;) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < at) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Users who come, ask several times within a while, and leave: what sessions look like. */
function visits(random: () => number): (i: number) => number {
  const present = Array.from({ length: 500 }, (_, i) => i);
  let next = present.length;
  return () => {
    const at = Math.floor(random() * present.length);
    if (random() < 0.05) present[at] = next++;
    return present[at]!;
  };
}

const SHAPES: Readonly<Record<string, () => (i: number) => number>> = {
  "zipf 0.7": () => zipf(0.7, generator(1)),
  "zipf 1.0": () => zipf(1, generator(2)),
  "zipf 1.2": () => zipf(1.2, generator(3)),
  "zipf 1.0, with scans": () => {
    const popular = zipf(1, generator(4));
    // In each 20,000 requests, 4,000 keys in a row that are never asked for again.
    return (i) => (i % 20_000 < 4_000 ? KEYS + i : popular());
  },
  "loop over 20,000": () => (i) => i % 20_000,
  "visits of 500 users at a time": () => visits(generator(5)),
};
const POLICIES: Readonly<Record<string, (size: number) => Policy>> = { LRU: lru, SIEVE: sieve, "S3-FIFO": s3fifo };

function ratio(policy: Policy, next: (i: number) => number): number {
  let hits = 0;
  for (let i = 0; i < REQUESTS; i++) hits += Number(policy(next(i)));
  return hits / REQUESTS;
}

for (const [name, make] of Object.entries(POLICIES)) {
  const policy = make(100);
  ensure(!policy(1) && policy(1), `${name} keeps what it was asked for`);
  for (let key = 0; key < 1_000; key++) policy(key);
  ensure(!policy(1), `${name} is bounded`);
}
console.log(`| shape | entries | ${Object.keys(POLICIES).join(" | ")} |\n| --- | ---: | ${"---: | ".repeat(3).trim()}`);
for (const [shape, make] of Object.entries(SHAPES)) {
  for (const size of SIZES) {
    const ratios = Object.values(POLICIES).map((policy) => ratio(policy(KEYS * size), make()).toFixed(3));
    console.log(`| ${shape} | ${KEYS * size} | ${ratios.join(" | ")} |`);
  }
}
