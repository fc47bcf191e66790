import { assert, expect, test } from "vitest";
import { ExpiryIndex } from "../../src/cache/expiry-index.ts";
import { OpenSlots } from "./support/open-slots.ts";

/** The index beside the obvious: a Map from slot to deadline and the order of adding. */
class Beside {
  readonly slots: OpenSlots<number> = new OpenSlots();
  readonly index: ExpiryIndex<number> = new ExpiryIndex(this.slots);
  readonly naive: Map<number, { readonly deadline: number; readonly added: number }> = new Map();
  #added = 0;

  add(deadline: number): number {
    const slot = this.slots.allocate("", 0);
    this.#put(slot, deadline);
    return slot;
  }

  move(slot: number, deadline: number): void {
    this.index.remove(slot);
    this.#put(slot, deadline);
  }

  remove(slot: number): void {
    this.index.remove(slot);
    this.slots.release(slot);
    this.naive.delete(slot);
  }

  #put(slot: number, deadline: number): void {
    this.slots.setDeadline(slot, deadline);
    this.index.add(slot);
    this.naive.set(slot, { deadline, added: ++this.#added });
  }

  dead(now: number): number[] {
    const dead = [...this.naive].filter(([, { deadline }]) => deadline <= now);
    return dead.sort(([, a], [, b]) => a.deadline - b.deadline || a.added - b.added).map(([slot]) => slot);
  }

  /** Everything that is dead, by the index: counted first, then taken out one by one. */
  drain(now: number, limit = Infinity): void {
    const wanted = this.dead(now);
    assert.equal(this.index.countDead(now), wanted.length);
    for (const slot of wanted.slice(0, limit)) {
      assert.equal(this.index.firstDead(now), slot);
      this.remove(slot);
    }
    if (wanted.length <= limit) assert.equal(this.index.firstDead(now), 0);
  }
}

const scatter = (i: number, range: number): number => (Math.imul(i + 1, 0x9e37_79b1) >>> 0) % range;

test("one ttl: deadlines in order, taken out in order, whole or in slices", () => {
  const beside = new Beside();
  for (let i = 0; i < 2_000; i++) beside.add(1_000 + (i >> 2));
  beside.drain(999);
  beside.drain(1_100);
  beside.drain(1_300, 100);
  beside.drain(1_300);
  for (let i = 0; i < 500; i++) beside.add(2_000 + i);
  beside.drain(5_000);
  expect(beside.naive.size).toBe(0);
});

test("deadlines in any order", () => {
  for (const range of [1, 2, 50, 3_000, 1e9]) {
    const beside = new Beside();
    for (let i = 0; i < 3_000; i++) beside.add(scatter(i, range));
    for (const part of [0, 0.1, 0.1003, 0.5, 0.9]) beside.drain(Math.floor(range * part), 700);
    beside.drain(range);
    expect(beside.naive.size).toBe(0);
  }
});

test("a great many of one instant, with others before, after and later among them", () => {
  const beside = new Beside();
  beside.add(500);
  for (let i = 0; i < 1_500; i++) beside.add(500);
  for (const deadline of [499, 501, 500, 100, 499, 502, 500]) beside.add(deadline);
  for (let i = 0; i < 600; i++) beside.add(499 + (i % 3));
  beside.drain(498);
  beside.drain(499);
  beside.drain(500, 1_000);
  beside.drain(500);
  beside.drain(600);
  expect(beside.naive.size).toBe(0);
});

test("moved forward and back, removed, and joined again, at random", () => {
  const beside = new Beside();
  let now = 10_000;
  const live = (): number[] => [...beside.naive.keys()];
  for (let i = 0; i < 800; i++) beside.add(now + scatter(i, 2_000));
  for (let i = 0; i < 20_000; i++) {
    const slots = i % 50 === 0 ? live() : undefined;
    if (slots !== undefined && slots.length > 1_500) for (const slot of slots.slice(0, 1_300)) beside.remove(slot);
    const slot = beside.add(now + scatter(i, i % 4 === 0 ? 30_000 : 500));
    if (i % 3 === 0) beside.move(slot, now + 1_000 + scatter(i, 100));
    if (i % 5 === 0) beside.remove(slot);
    if (i % 97 === 0) {
      now += scatter(i, 300);
      beside.drain(now, i % 2 === 0 ? 20 : Infinity);
    }
  }
  beside.drain(1e9);
  expect(beside.naive.size).toBe(0);
});

test("nothing is kept of what is gone: an empty index has nothing dead", () => {
  const beside = new Beside();
  expect(beside.index.firstDead(Infinity)).toBe(0);
  expect(beside.index.countDead(Infinity)).toBe(0);
  const slots = Array.from({ length: 1_000 }, (_, i) => beside.add(i));
  for (const slot of slots) beside.remove(slot);
  expect(beside.index.countDead(Infinity)).toBe(0);
  expect(beside.index.firstDead(Infinity)).toBe(0);
});
