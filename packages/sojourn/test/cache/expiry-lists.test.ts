import { assert, expect, test } from "vitest";
import { ExpiryLists } from "../../src/cache/expiry-lists.ts";
import { OpenSlots } from "./support/open-slots.ts";

/** The lists beside the obvious: a Map from slot to deadline and the order of adding. */
class Beside {
  readonly slots: OpenSlots<number> = new OpenSlots();
  readonly lists: ExpiryLists<number>;
  readonly naive: Map<number, { readonly deadline: number; readonly added: number }> = new Map();
  #added = 0;

  constructor(counted: boolean) {
    this.lists = new ExpiryLists(this.slots, { counted });
  }

  add(deadline: number, slot: number = this.slots.allocate("k", 0)): number {
    this.slots.setDeadline(slot, deadline);
    this.lists.add(slot, deadline);
    this.naive.set(slot, { deadline, added: ++this.#added });
    return slot;
  }

  move(slot: number, deadline: number): void {
    this.lists.remove(slot);
    this.add(deadline, slot);
  }

  remove(slot: number): void {
    this.lists.remove(slot);
    this.slots.release(slot);
    this.naive.delete(slot);
  }

  /** Everything that is dead: counted, then taken out one by one, the earliest first, of equal ones the first added. */
  drain(now: number, limit = Infinity): void {
    const dead = [...this.naive].filter(([, { deadline }]) => deadline <= now);
    const wanted = dead.sort(([, a], [, b]) => a.deadline - b.deadline || a.added - b.added).map(([slot]) => slot);
    assert.equal(this.lists.countDead(now), wanted.length);
    for (const slot of wanted.slice(0, limit)) {
      assert.equal(this.lists.firstDead(now), slot);
      this.remove(slot);
    }
    if (wanted.length <= limit) assert.equal(this.lists.firstDead(now), 0);
  }
}

const scatter = (i: number, range: number): number => (Math.imul(i + 1, 0x9e37_79b1) >>> 0) % range;

for (const counted of [false, true]) {
  const name = counted ? "counted" : "not counted";

  test(`one ttl: taken out in order, whole or in slices (${name})`, () => {
    const beside = new Beside(counted);
    for (let i = 0; i < 2_000; i++) beside.add(1_000 + (i >> 2));
    beside.drain(999);
    beside.drain(1_100);
    beside.drain(1_300, 100);
    for (let i = 0; i < 500; i++) beside.add(2_000 + i);
    beside.drain(5_000);
    expect(beside.naive.size).toBe(0);
  });

  test.each([1, 2, 3, 8, 9, 30])(`%d ttls, in turn and at random (${name})`, (ttls) => {
    const beside = new Beside(counted);
    for (let i = 0; i < 6_000; i++) {
      const ttl = 50 * (1 + (i % 2 === 0 ? i % ttls : scatter(i, ttls)));
      // Several at one instant, so that deadlines of different ttls are often equal.
      beside.add((i >> 3) + ttl);
      if (i % 400 === 0) beside.drain(i >> 3, 100);
    }
    beside.drain(100_000);
    expect(beside.naive.size).toBe(0);
  });

  test(`never, moved, removed, and a clock that goes back (${name})`, () => {
    const beside = new Beside(counted);
    let now = 100_000;
    for (let i = 0; i < 20_000; i++) {
      const slot = beside.add(i % 11 === 0 ? Infinity : now + 100 * (1 + (i % 3)));
      const others = i % 40 === 0 ? [...beside.naive.keys()].filter((other) => other !== slot) : [];
      if (others.length > 0) beside.remove(others[scatter(i, others.length)]!);
      if (i % 3 === 0) beside.move(slot, now + scatter(i, 900));
      else if (i % 5 === 0) beside.remove(slot);
      if (i % 7 === 0) now += scatter(i, 9);
      if (i % 2_500 === 0) now -= 5_000;
      if (i % 97 === 0) beside.drain(now, i % 2 === 0 ? 20 : Infinity);
    }
    beside.drain(Number.MAX_SAFE_INTEGER);
    for (const slot of beside.naive.keys()) beside.remove(slot);
    expect(beside.lists.firstDead(Number.MAX_SAFE_INTEGER)).toBe(0);
    expect(beside.lists.countDead(Number.MAX_SAFE_INTEGER)).toBe(0);
  });
}
