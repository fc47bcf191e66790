/**
 * All caches at one size, in one process: `node --expose-gc bench/cache/size.ts 10000`. Prints JSON.
 *
 * Each column is measured in many short rounds, in each round every cache once, in turn; the medians count. Before anything is
 * timed, every cache has to give the right answers. Loops are compiled for each cache separately, so that none is
 * slowed by what the engine has learnt from another.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { ensure, fresh, median } from "../measure.ts";
import { SUBJECTS, type Make, type Subject } from "./subjects.ts";

type Loop = (cache: Subject, keys: readonly string[], order: Int32Array, from: number, count: number) => number;
type Column = Record<string, number>;

const LONG = 10 * 60_000;
const SHORT = 1;
/** Many short samples: whatever else the machine does then meets all caches alike. */
const ROUNDS = 41;
const WARM_UP = 20;
/** How long one sample of one cache takes at most, about. */
const SAMPLE_MS = 12;
const PICKS = 1 << 20;
const GET = "found += cache.get(keys[order[i & mask]]) === undefined ? 0 : 1";
const SET = "cache.set(keys[order[i & mask]], value)";
const MIX = `if (i % 20 === 0) ${SET}; else ${GET}`;

const size = Number(process.argv[2]);
const only = process.argv[3]?.split("|");
const caches = SUBJECTS.filter(({ name }) => only?.includes(name) ?? true);
const keys = newKeys(size);
const others = newKeys(size);

function newKeys(count: number): string[] {
  // 32 random bytes in base64url: 43 characters.
  return Array.from({ length: count }, () => randomBytes(32).toString("base64url"));
}

/** A loop of its own for each cache: `order` picks the keys, and has a power of two of places. */
function compile(name: string, body: string): Loop {
  const text = `const mask = order.length - 1; let found = 0;
    for (let i = from; i < from + count; i++) { ${body}; } return found; // ${name}`;
  // oxlint-disable-next-line typescript/no-implied-eval, no-new-func -- a closure would share its code
  const loop = new Function("value", "cache", "keys", "order", "from", "count", text) as (...args: unknown[]) => number;
  const value = { role: "admin" };
  return (...args) => loop(value, ...args);
}

function filled(make: Make, ttl: number): Subject {
  const cache = make.make(size, ttl);
  const value = { role: "user" };
  for (const key of keys) cache.set(key, value);
  return cache;
}

/** Nothing is timed that has not given the right answers. */
async function check(make: Make): Promise<void> {
  const cache = make.make(3, SHORT);
  const slow = make.make(3, LONG);
  const value = {};
  for (const key of ["a", "b", "c"]) slow.set(key, value);
  ensure(slow.get("a") === value && slow.get("z") === undefined, `${make.name}: get`);
  cache.set("a", value);
  await wait(SHORT + 10);
  if (make.hasTtl) ensure(cache.get("a") === undefined, `${make.name}: expiry`);
  if (make.isBounded) for (let i = 0; i < 100; i++) slow.set(`k${i}`, value);
  if (make.isBounded) ensure(slow.get("c") === undefined && slow.get("k99") === value, `${make.name}: bound`);
}

/** The medians of rounds in which every cache has its turn. */
function interleaved(
  body: string,
  subjects: ReadonlyMap<Make, Subject>,
  pick: (step: number) => { readonly keys: readonly string[]; readonly order: Int32Array },
  most = 2_000_000,
): Column {
  const samples = new Map<string, number[]>();
  const loops = new Map([...subjects.keys()].map((make) => [make, compile(make.name, body)]));
  const counts = new Map<Make, number>();
  const done = new Map<Make, number>();
  let step = 0;
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [make, cache] of subjects) {
      const picked = pick(step++);
      const count = counts.get(make) ?? Math.min(most, 2_000);
      const from = done.get(make) ?? 0;
      const start = process.hrtime.bigint();
      loops.get(make)!(cache, picked.keys, picked.order, from, count);
      const each = Number(process.hrtime.bigint() - start) / count;
      done.set(make, from + count);
      if (round < 0) counts.set(make, Math.max(100, Math.min(most, Math.floor((SAMPLE_MS * 1e6) / each))));
      else samples.set(make.name, [...(samples.get(make.name) ?? []), each]);
    }
  }
  return Object.fromEntries([...samples].map(([name, times]) => [name, median(times)]));
}

function zipfian(): Int32Array {
  const sums = new Float64Array(size);
  let sum = 0;
  for (let i = 0; i < size; i++) sums[i] = sum += 1 / (i + 1) ** 0.99;
  return Int32Array.from({ length: PICKS }, () => {
    const at = Math.random() * sum;
    let low = 0;
    for (let high = size - 1; low < high;) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < at) low = middle + 1;
      else high = middle;
    }
    // Keys are random, so it does not matter which are the popular ones; spread them over what was filled in order.
    return Math.imul(low, 48_271) % size < 0 ? (Math.imul(low, 48_271) % size) + size : Math.imul(low, 48_271) % size;
  });
}

/** What expires all at once: a look-up of each key, or one call that reclaims all. In nanoseconds an entry. */
async function expired(make: Make, act: (cache: Subject) => void): Promise<number> {
  const cache = filled(make, SHORT);
  await wait(SHORT + 20);
  const start = process.hrtime.bigint();
  act(cache);
  return Number(process.hrtime.bigint() - start) / size;
}

async function expiredColumn(has: (make: Make) => boolean, act: (name: string) => (cache: Subject) => void) {
  const samples = new Map<string, number[]>();
  const chosen = caches.filter((make) => make.hasTtl && has(make));
  const acts = new Map(chosen.map((make) => [make, act(make.name)]));
  for (let round = 0; round < (size > 100_000 ? 5 : 15); round++) {
    for (const make of chosen) {
      globalThis.gc?.();
      samples.set(make.name, [...(samples.get(make.name) ?? []), await expired(make, acts.get(make)!)]);
    }
  }
  return Object.fromEntries([...samples].map(([name, times]) => [name, median(times)]));
}

function used(): number {
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function bytesPerEntry(make: Make): number {
  // What the engine keeps of the code does not count.
  filled(make, LONG);
  const before = used();
  const cache = filled(make, LONG);
  const after = used();
  ensure(cache.get(keys[0]!) !== undefined, `${make.name}: still there`);
  return (after - before) / size;
}

for (const make of caches) await check(make);
const result: Record<string, Column> = {
  bytes: Object.fromEntries(caches.map((make) => [make.name, bytesPerEntry(make)])),
};
const subjects = new Map(caches.map((make) => [make, filled(make, LONG)]));
const uniform = Int32Array.from({ length: PICKS }, () => Math.floor(Math.random() * size));
const zipf = zipfian();
result["get"] = interleaved(GET, subjects, () => ({ keys, order: uniform }));
result["mix"] = interleaved(MIX, subjects, () => ({ keys, order: zipf }));
// Each key is a string of its own, whose hash is computed at its look-up: so it is used once, by one cache.
const once = 1 << 13;
const inOrder = Int32Array.from({ length: once }, (_, i) => i);
const strings = (step: number): string[] => fresh(Array.from(inOrder, (i) => keys[zipf[(i + step * once) % PICKS]!]!));
result["fresh"] = interleaved(MIX, subjects, (step) => ({ keys: strings(step), order: inOrder }), once);
const bounded = new Map([...subjects].filter(([make]) => make.isBounded));
const pool = [...others, ...keys];
const all = Int32Array.from({ length: PICKS * 2 }, (_, i) => i % pool.length);
result["churn"] = interleaved(SET, bounded, () => ({ keys: pool, order: all }));
subjects.clear();
bounded.clear();
result["expired"] = await expiredColumn(
  () => true,
  (name) => {
    const loop = compile(`${name} expired`, GET);
    const order = Int32Array.from({ length: 2 ** Math.ceil(Math.log2(size)) }, (_, i) => i % size);
    return (cache) => void loop(cache, keys, order, 0, size);
  },
);
result["purge"] = await expiredColumn(
  (make) => make.make(1, 1).purge !== undefined,
  () => (cache) => void cache.purge?.(),
);
console.log(JSON.stringify({ size, node: process.version, result }));
