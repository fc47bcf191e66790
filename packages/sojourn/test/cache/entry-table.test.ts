import { expect, test } from "vitest";
import { EntryTable } from "../../src/cache/entry-table.ts";

function order(table: EntryTable<number>): number[] {
  const slots: number[] = [];
  for (let slot = table.oldest(); slot !== 0; slot = table.newer(slot)) slots.push(slot);
  return slots;
}

test.each([
  ["in one chunk", 40_000],
  ["in several", 1_100_000],
])("keeps the exact order of use, %s", (_, count) => {
  const table = new EntryTable<number>();
  const naive = new Set<number>();
  for (let i = 0; i < count; i++) naive.add(table.insert(`k${i}`, i, Infinity));
  const last = [...naive];
  for (let i = 0; i < 10_000; i++) {
    // Slots of the last chunk too, and neighbours of each other.
    const slot = last[i % 2 === 0 ? (Math.imul(i, 7_919) >>> 0) % count : count - 1 - (i % 1_000)]!;
    if (!naive.delete(slot)) continue;
    if (i % 10 === 0) {
      table.remove(slot);
    } else {
      table.promote(slot);
      if (i % 4 === 0) table.promote(slot);
      naive.add(slot);
    }
  }
  const found = order(table);
  expect(found.length).toBe(naive.size);
  // One by one: to compare a million at once takes seconds.
  let at = 0;
  for (const slot of naive) if (found[at++] !== slot) throw new Error(`at ${at}: ${found[at - 1]}, not ${slot}`);
});

test("works with no entry and with one", () => {
  const table = new EntryTable<number>();
  expect(order(table)).toEqual([]);
  const slot = table.insert("k", 1, Infinity);
  for (let i = 0; i < 200; i++) table.promote(slot);
  expect(order(table)).toEqual([slot]);
  table.remove(slot);
  expect([order(table), table.find("k"), table.size]).toEqual([[], 0, 0]);
});

test("keeps key, value and deadline of every entry while its arrays grow", () => {
  for (const capacity of [undefined, 20_000, 200_000]) {
    const count = capacity ?? 300_000;
    const table = new EntryTable<number>(capacity === undefined ? {} : { capacity });
    for (let i = 0; i < count; i++) table.insert(`k${i}`, i, i);
    for (let i = 0; i < count; i++) {
      const slot = table.find(`k${i}`);
      if (table.key(slot) !== `k${i}` || table.value(slot) !== i || table.deadline(slot) !== i) throw new Error(`${i}`);
    }
    // Full to its capacity: each new one takes the slot of the least recently used one.
    for (let i = 0; i < 1_000; i++) table.recycle(table.oldest(), `n${i}`, -i, count + i);
    expect([table.size, table.find("k999"), table.value(table.find("n999"))]).toEqual([count, 0, -999]);
  }
});

test("keeps nothing of an entry that was removed alive", () => {
  const table = new EntryTable<object>();
  const slot = table.insert("k", {}, 5);
  table.remove(slot);
  expect([table.has(slot), table.value(slot)]).toEqual([false, undefined]);
  expect(table.expiry.firstDead(10)).toBe(0);
  expect(table.insert("l", {}, 5)).toBe(slot);
});

test("weights are summed, and an empty table weighs nothing", () => {
  const table = new EntryTable<number>({ weighted: true });
  const slots = Array.from({ length: 10_000 }, (_, i) => table.insert(`k${i}`, i, Infinity, 0.1));
  expect(table.weight).toBeCloseTo(1_000);
  table.replace(slots[0]!, 1, 5);
  expect(table.weight).toBeCloseTo(1_004.9);
  expect(table.weightOf(slots[9_999]!)).toBe(0.1);
  for (const slot of slots) table.remove(slot);
  expect(table.weight).toBe(0);
});
