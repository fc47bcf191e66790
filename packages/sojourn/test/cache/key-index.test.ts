import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { KeyIndex } from "../../src/cache/key-index.ts";

/** An index beside a Map, which holds each key's slot. */
class Beside extends KeyIndex<number> {
  readonly naive: Map<string, number> = new Map();
  /** How many keys were looked at. */
  compared = 0;

  override key(slot: number): string {
    this.compared++;
    return super.key(slot);
  }

  add(key: string): void {
    const slot = this.allocate(key, 0);
    this.addKey(slot, this.hash(key));
    this.naive.set(key, slot);
  }

  drop(key: string): void {
    const slot = this.naive.get(key)!;
    this.deleteKey(slot);
    this.release(slot);
    this.naive.delete(key);
  }

  check(key: string): void {
    const found = this.find(key);
    const wanted = this.naive.get(key) ?? 0;
    if (found !== wanted) throw new Error(`found ${found}, not ${wanted}, of ${this.size}`);
  }

  /** How many keys there are too many, after every given one was found where it is. */
  checkAll(keys: Iterable<string>): number {
    for (const key of keys) this.check(key);
    return this.size - this.naive.size;
  }

  get present(): { readonly depth: number; readonly from: number; readonly seeds: Int32Array } {
    return this.way;
  }
}

/** Adds, looks up and removes beside a Map, through several growths. */
function play(count: number, keyOf: (i: number) => string, capacity = Infinity): number {
  const beside = new Beside({ capacity });
  for (let i = 0; i < count; i++) {
    if (!beside.naive.has(keyOf(i))) beside.add(keyOf(i));
    if (i % 3 === 0) {
      // Often one that has not been moved over yet, or that was just moved.
      const victim = keyOf((i * 7_919) % (i + 1));
      if (beside.naive.has(victim)) beside.drop(victim);
      beside.check(victim);
      if (i % 2 === 0) beside.add(victim);
    }
    beside.check(keyOf(i));
    beside.check(keyOf((i * 31) % count));
  }
  return beside.checkAll(Array.from({ length: count }, (_, i) => keyOf(i)));
}

const SHAPES: Record<string, (i: number) => string> = {
  "random, 43 characters": (i) => RANDOM[i % RANDOM.length]!,
  "numbered behind one word": (i) => `user:${i}`,
  "different only at the end": (i) => `${"x".repeat(40)}${i}`,
  "different only in front": (i) => `${i}${"x".repeat(40)}`,
  "different only in the middle": (i) => `${"x".repeat(30)}${String(i).padStart(7, "0")}${"y".repeat(10)}`,
  "short, the empty one too": (i) => (i === 0 ? "" : i.toString(36)),
  "of every length": (i) => "z".repeat(i % 200) + i.toString(36),
  "beyond Latin": (i) => `\u{1f600}\ud800${String.fromCharCode(i & 0xffff)}-${i}`,
};
const RANDOM = Array.from({ length: 100_000 }, () => randomBytes(32).toString("base64url"));

test.each(Object.keys(SHAPES))("finds every key, and no other: %s", (shape) => {
  expect(play(60_000, SHAPES[shape]!)).toBe(0);
  expect(play(3_000, SHAPES[shape]!, 3_000)).toBe(0);
});

test("finds every key of a capacity that is known, and of a million", () => {
  expect(play(100_000, SHAPES["random, 43 characters"]!, 100_000)).toBe(0);
  const keyOf = SHAPES["numbered behind one word"]!;
  const beside = new Beside();
  for (let i = 0; i < 1_100_000; i++) beside.add(keyOf(i));
  for (let i = 0; i < 1_100_000; i += 30) beside.drop(keyOf(i));
  expect(beside.checkAll(Array.from({ length: 110_000 }, (_, i) => keyOf(i * 10)))).toBe(0);
});

test("a slot that is given back is given out again, also where keys come and go in one place", () => {
  const beside = new Beside();
  for (let i = 0; i < 100_000; i++) {
    const key = `user:${i % 50}`;
    if (beside.naive.has(key)) beside.drop(key);
    else beside.add(key);
    beside.check(key);
  }
  expect(beside.end).toBeLessThanOrEqual(51);
});

test("keys that agree in what is looked at make it look at more, in the end at all", () => {
  const beside = new Beside();
  for (let i = 0; i < 2_000; i++) beside.add(randomBytes(32).toString("base64url"));
  expect(beside.present.depth).toBe(4);
  // Whoever knows the code: sixty characters that do not differ, wherever the place is chosen.
  for (let i = 0; i < 20_000; i++) beside.add(`${"a".repeat(100)}${i}`);
  expect(beside.present.depth).toBe(0);
  expect(beside.checkAll([...beside.naive.keys()])).toBe(0);
});

test("an index that has hashed nothing has drawn no seeds; two that have hashed have different ones", () => {
  const [one, other] = [new Beside(), new Beside()];
  expect([...one.present.seeds]).toEqual([0, 0]);
  for (const index of [one, other]) {
    index.add("a");
    index.add(RANDOM[0]!);
    expect(index.checkAll(["a", RANDOM[0]!, "b"])).toBe(0);
  }
  expect([...one.present.seeds]).not.toEqual([...other.present.seeds]);
  expect(one.hash(RANDOM[1]!)).not.toBe(other.hash(RANDOM[1]!));
});

test("crafted keys cost no more than others, once the index has moved over", () => {
  const plain = new Beside();
  const crafted = new Beside();
  for (let i = 0; i < 50_000; i++) {
    plain.add(RANDOM[i]!);
    crafted.add(`${"a".repeat(100)}${i}`);
  }
  // Counted, not timed: how many keys are looked at for one that is not there.
  const compared = (index: Beside, keyOf: (i: number) => string): number => {
    const before = index.compared;
    for (let i = 0; i < 2_000; i++) index.find(keyOf(i));
    return (index.compared - before) / 2_000;
  };
  expect(compared(plain, (i) => RANDOM[60_000 + i]!)).toBeLessThan(0.1);
  expect(compared(crafted, (i) => `${"a".repeat(100)}-${i}`)).toBeLessThan(0.1);
});

test("until it moves over, a look-up passes a bounded number of crafted keys", () => {
  const beside = new Beside();
  for (let i = 0; i < 1_400; i++) beside.add(RANDOM[i]!);
  const { depth, from } = beside.present;
  expect(depth).toBe(4);
  // The same four characters where it looks, and fewer keys than it takes until the collisions are counted up.
  const crafted = (i: number): string => `${RANDOM[i]!.slice(0, from)}aaaa${RANDOM[i]!.slice(from + 4)}`;
  for (let i = 2_000; i < 2_600; i++) beside.add(crafted(i));
  expect(beside.present.depth).toBe(4);
  const before = beside.compared;
  expect(beside.find(crafted(5_000))).toBe(0);
  expect(beside.compared - before).toBeGreaterThan(100);
  expect(beside.compared - before).toBeLessThanOrEqual(256);
  for (let i = 2_600; i < 4_000; i++) beside.add(crafted(i));
  expect(beside.present.depth).not.toBe(4);
  expect(beside.checkAll([...beside.naive.keys()])).toBe(0);
});

test("keys that collide under one pair of seeds are spread by another", () => {
  const beside = new Beside();
  for (let i = 0; i < 5_000; i++) beside.add(`${"a".repeat(100)}${i}`);
  const { seeds } = beside.present;
  // As somebody who has learnt the seeds: all of these have the same topmost bits.
  const found: string[] = [];
  for (let i = 0; found.length < 3_000; i++) {
    const key = `${"b".repeat(20)}${i}`;
    if (beside.hash(key) >>> 22 === 0) found.push(key);
  }
  for (const key of found) beside.add(key);
  expect(beside.present.seeds).not.toBe(seeds);
  expect(beside.checkAll([...beside.naive.keys()])).toBe(0);
});
