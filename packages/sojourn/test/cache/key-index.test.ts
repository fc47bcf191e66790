import { expect, test } from "vitest";
import { KeyIndex } from "../../src/cache/key-index.ts";

/** Adds, looks up, removes and adds again, across several generations, beside a plain Map. */
function wrongAfter(count: number, keyOf: (i: number) => string, mayReturn = false): number {
  const index = new KeyIndex();
  const map = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    index.add(keyOf(i), i + 1);
    map.set(keyOf(i), i + 1);
    if (i % 3 === 0) {
      // Often one that has not been moved over yet, or that is being moved.
      const victim = keyOf((i * 7_919) % (i + 1));
      if (map.delete(victim)) index.delete(victim, mayReturn);
      if (i % 2 === 0 && !map.has(victim)) {
        map.set(victim, i + 1_000_000);
        index.add(victim, i + 1_000_000);
      }
    }
  }
  let wrong = Math.abs(index.size - map.size);
  for (let i = 0; i < count; i++) if (index.get(keyOf(i)) !== map.get(keyOf(i))) wrong++;
  return wrong;
}

test("finds every key through two generations", () => {
  expect(wrongAfter(200_000, (i) => `user:${i}`)).toBe(0);
});

test("finds every key when keys differ only at the end, only in front, or hardly at all", () => {
  expect(wrongAfter(40_000, (i) => `${"x".repeat(40)}${i}`)).toBe(0);
  expect(wrongAfter(40_000, (i) => `${i}${"x".repeat(40)}`)).toBe(0);
  expect(wrongAfter(40_000, (i) => `${"x".repeat(30)}${i}${"y".repeat(10)}`)).toBe(0);
  expect(wrongAfter(40_000, (i) => (i === 0 ? "" : "z".repeat(i % 2) + i.toString(36)))).toBe(0);
});

test("looks up and removes correctly at every step while a Map is being moved", () => {
  const index = new KeyIndex();
  const first = 16_384;
  for (let i = 0; i < first; i++) index.add(`k${i}`, i + 1);
  // From here on eight keys move with each insertion, so that after 2,049 all have.
  for (let i = 0; i < 2_100; i++) {
    index.add(`n${i}`, 100_000 + i);
    index.delete(`k${i}`);
    index.add(`k${i}`, 200_000 + i);
    index.delete(`k${first - 1 - i}`);
    for (const at of [i, (i * 31) % first, first - 1 - i]) {
      const wanted = at <= i ? 200_000 + at : at >= first - 1 - i ? undefined : at + 1;
      if (index.get(`k${at}`) !== wanted) throw new Error(`k${at} after ${i}: ${index.get(`k${at}`)}, not ${wanted}`);
    }
  }
  expect(index.size).toBe(first);
});

test("finds every key when removed ones are waited for", () => {
  expect(wrongAfter(200_000, (i) => `user:${i}`, true)).toBe(0);
});

test.each([1, 31, 32, 33, 100])("%d keys that come and go are each found when they are there", (count) => {
  const index = new KeyIndex();
  const map = new Map<string, number>();
  for (let i = 0; i < 20_000; i++) {
    const key = `user:${(i * 7) % count}`;
    if (map.delete(key)) index.delete(key, i % 5 !== 0);
    else {
      map.set(key, i + 1);
      index.add(key, i + 1);
    }
    for (const other of [key, `user:${i % count}`]) {
      if (index.get(other) !== map.get(other)) throw new Error(`${other} after ${i}: ${index.get(other)}`);
    }
  }
  expect(index.size).toBe(map.size);
});

test("a key that is waited for is absent, also to an index that grows meanwhile", () => {
  const index = new KeyIndex();
  index.add("a", 1);
  index.delete("a", true);
  expect([index.get("a"), index.size]).toEqual([undefined, 0]);
  for (let i = 0; i < 50_000; i++) {
    index.add(`k${i}`, i + 1);
    if (index.get("a") !== undefined) throw new Error(`present after ${i}`);
  }
  index.add("a", 7);
  expect([index.get("a"), index.size]).toEqual([7, 50_001]);
});
