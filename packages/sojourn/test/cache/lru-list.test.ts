import { expect, test } from "vitest";
import { LruList } from "../../src/cache/lru-list.ts";
import { PAGE_SIZE, Slots } from "../../src/cache/slots.ts";

function order(list: LruList<number>): number[] {
  const slots: number[] = [];
  for (let slot = list.oldest(); slot !== 0; slot = list.newer(slot)) slots.push(slot);
  return slots;
}

test("keeps the exact order through promotions that have not settled, over several pages", () => {
  const slots = new Slots<number>();
  const list = new LruList(slots);
  const count = PAGE_SIZE * 2 + 100;
  const naive = new Set<number>();
  for (let i = 0; i < count; i++) {
    const slot = slots.allocate(`k${i}`, i);
    list.insert(slot);
    naive.add(slot);
  }
  for (let i = 0; i < 5_000; i++) {
    const slot = (Math.imul(i, 7_919) % count) + 1;
    if (!naive.delete(slot)) continue;
    if (i % 10 === 0) {
      list.remove(slot);
    } else {
      list.promote(slot);
      if (i % 4 === 0) list.promote(slot);
      naive.add(slot);
    }
    if (i % 500 === 0) expect(list.oldest()).toBe(naive.values().next().value);
  }
  expect(order(list)).toEqual([...naive]);
});

test("works with no entry and with one", () => {
  const slots = new Slots<number>();
  const list = new LruList(slots);
  expect(order(list)).toEqual([]);
  const slot = slots.allocate("k", 1);
  list.insert(slot);
  for (let i = 0; i < 200; i++) list.promote(slot);
  expect(order(list)).toEqual([slot]);
  list.remove(slot);
  expect(order(list)).toEqual([]);
});

test("a slot given back is given out again, empty", () => {
  const slots = new Slots<string>();
  const first = slots.allocate("a", "A");
  const second = slots.allocate("b", "B");
  slots.release(first);
  slots.release(second);
  expect([slots.allocate("c", "C"), slots.allocate("d", "D")]).toEqual([second, first]);
  expect([slots.key(first), slots.value(first)]).toEqual(["d", "D"]);
  // The first page doubles under its entries.
  for (let i = 0; i < 100; i++) slots.allocate(`k${i}`, `v${i}`);
  expect([slots.key(second), slots.value(second), slots.key(50)]).toEqual(["c", "C", "k47"]);
});
