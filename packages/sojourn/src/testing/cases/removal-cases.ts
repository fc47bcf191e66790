/** Rules 9 and 10: the total, the sweep, and heads that are reported once. */
import { keysOf, listAll, listOwned, sameHeads, stored, sweepAll } from "../ask.ts";
import { HOUR, keyValueCase, MINUTE, SECOND, storeCase, type ContractCase } from "../contract-case.ts";
import { equal, holds } from "../expect.ts";
import type { Head } from "../../store/store.ts";

export const removalCases: readonly ContractCase[] = [
  storeCase(9, "the count follows every change", async ({ store, now, entry }) => {
    const counts = async (expected: number, what: string): Promise<void> =>
      equal(await store.count(now), expected, `the count ${what}`);
    await counts(0, "of an empty store");
    const kept = entry("a", { owner: "ann" });
    await stored(store, kept, now);
    await stored(store, entry("b", { owner: "bob" }), now);
    await counts(2, "after two inserts");
    await store.put(entry("a"), null, now);
    await counts(2, "after a conflict");
    await stored(store, kept, now);
    await counts(2, "after a repeat");
    await stored(store, entry("a", { owner: "ann" }), now, kept.rev);
    await counts(2, "after a change");
    await stored(store, entry("b", { owner: "bob" }), now, "any");
    await counts(2, "after a replacement");
    await store.delete("a");
    await store.delete("a");
    await counts(1, "after a delete and its repeat");
    const begun = store.begin();
    await store.revokeOwner("bob");
    await counts(0, "after a revocation");
    await store.put(entry("b", { owner: "bob" }), null, now, begun);
    await counts(0, "after a put that was refused");
  }),

  storeCase(
    9,
    "the count leaves out many expired entries before and after they are swept",
    async ({ store, now, entry }) => {
      const ends = Array.from({ length: 120 }, (_, index) => now + (index + 1) * SECOND);
      for (const [index, expiresAt] of ends.entries()) await stored(store, entry(`k${index}`, { expiresAt }), now);
      for (const passed of [0, 1, 60, 119, 120]) {
        const instant = now + passed * SECOND;
        equal(await store.count(instant), 120 - passed, `the count after ${passed} ends`);
        equal((await listAll(store, instant)).length, 120 - passed, `what is listed after ${passed} ends`);
      }
      const instant = now + 60 * SECOND;
      await store.sweep(instant, 25);
      equal(await store.count(instant), 60, "the count after a part was swept");
      equal(await store.count(now), 95, "the count with the clock back, of what was not reclaimed");
      equal((await sweepAll(store, instant)).length, 35, "how many are swept then");
      equal(await store.count(instant), 60, "the count after all were swept");
    },
  ),

  storeCase(9, "an entry that replaces an expired one is counted once", async ({ store, now, entry }) => {
    const late = now + MINUTE;
    await stored(store, entry("k"), now);
    await stored(store, entry("k", { expiresAt: late + MINUTE }), late);
    equal(await store.count(late), 1, "the count after it was replaced");
    equal(await store.count(now), 1, "the count with the clock back");
    equal(await store.count(late + MINUTE), 0, "the count at the new end");
  }),

  storeCase(10, "a sweep removes what has expired, and nothing else", async ({ store, now, entry }) => {
    equal(await store.sweep(now, 10), [], "the sweep of an empty store");
    const ended = [entry("a", { owner: "ann", expiresAt: now + SECOND }), entry("b", { expiresAt: now + 1 })];
    const live = [entry("c", { expiresAt: now + SECOND + 1 }), entry("d", { owner: "ann" })];
    for (const each of [...ended, ...live]) await stored(store, each, now);
    sameHeads(await store.sweep(now + SECOND, 1_000), ended, "what is swept");
    equal(await store.sweep(now + SECOND, 1_000), [], "what a second sweep removes");
    equal(keysOf(await listAll(store, now)), ["c", "d"], "what is there");
    equal(keysOf(await listOwned(store, "ann", now)), ["d"], "what the owner has");
  }),

  storeCase(10, "a sweep keeps its limit and takes the earliest first", async ({ store, now, entry }) => {
    // Put in an order that is neither that of the ends nor its reverse.
    const ended = Array.from({ length: 23 }, (_, index) => {
      const place = (index * 7) % 23;
      return entry(`k${place}`, { expiresAt: now + place });
    });
    for (const each of ended) await stored(store, each, now - HOUR);
    const inOrder = [...ended].sort((a, b) => a.expiresAt - b.expiresAt);
    const late = now + MINUTE;
    for (const [from, limit] of [
      [0, 1],
      [1, 2],
      [3, 10],
      [13, 10],
    ] as const) {
      sameHeads(await store.sweep(late, limit), inOrder.slice(from, from + limit), `a sweep of ${limit}`);
      equal(await store.count(now - HOUR), 23 - from - limit, "how many are left");
    }
  }),

  keyValueCase(
    10,
    "a put reports the entry that it replaces, with the last state of its head",
    async ({ store, now, entry }) => {
      const first = entry("k", { owner: "ann", meta: "one" });
      await stored(store, first, now);
      const second = entry("k", { owner: "ann", meta: "two", expiresAt: now + HOUR });
      await stored(store, second, now, first.rev);
      const third = entry("k");
      sameHeads(await stored(store, third, now, "any"), [second], "what the put over any removed");
      const late = now + MINUTE;
      const fourth = entry("k", { expiresAt: late + MINUTE });
      sameHeads(await stored(store, fourth, late), [third], "what the put over an expired entry removed");
    },
  ),

  keyValueCase(
    10,
    "a put over a rev changes the entry: it stays, and is not reported",
    async ({ store, now, entry }) => {
      const first = entry("k", { owner: "ann" });
      const second = entry("k", { owner: "bob" });
      await stored(store, first, now);
      equal(await stored(store, second, now, first.rev), [], "what the put over a rev removed");
      const head = await store.delete("k");
      sameHeads(head === undefined ? [] : [head], [second], "what a delete reports then");
    },
  ),

  storeCase(10, "what a put reclaims has expired, and is reported by it alone", async ({ store, now, entry }) => {
    const ended = Array.from({ length: 12 }, (_, index) => entry(`k${index}`, { expiresAt: now + index + 1 }));
    for (const each of ended) await stored(store, each, now);
    const late = now + MINUTE;
    const heads: Head[] = [];
    for (let round = 0; round < 6; round++) {
      heads.push(...(await stored(store, entry(`new ${round}`, { expiresAt: late + HOUR }), late)));
    }
    heads.push(...(await sweepAll(store, late, 3)));
    sameHeads(heads, ended, "what the puts and the sweeps reported together");
    equal(await store.count(late), 6, "the count of what was put");
  }),

  storeCase(10, "every head is in exactly one answer, whatever way its entry goes", async ({ store, now, entry }) => {
    const heads: Head[] = [];
    const revs: string[] = [];
    for (let step = 0; step < 150; step++) {
      const instant = now + step * SECOND;
      const expiresAt = instant + ((step * 37) % 40) * SECOND + 1;
      const owner = [null, "ann", "bob"][step % 3] ?? null;
      const made = entry(`k${(step * 11) % 25}`, { owner, createdAt: now + step, touchedAt: instant, expiresAt });
      const put = await store.put(made, step % 2 === 0 ? "any" : null, instant);
      if (put.outcome === "stored") {
        revs.push(made.rev);
        heads.push(...put.removed);
      }
      await store.touch(made.key, made.rev, { touchedAt: instant, expiresAt: expiresAt + SECOND }, instant);
      if (step % 5 === 0) heads.push(...([await store.delete(`k${step % 25}`)].filter(Boolean) as Head[]));
      if (step % 17 === 0) heads.push(...(await store.revokeOwner("bob")));
      if (step % 7 === 0) heads.push(...(await store.sweep(instant, 2)));
    }
    holds(revs.length > 75, "most of the puts must be stored");
    heads.push(...(await sweepAll(store, now + HOUR)));
    equal(
      heads.map(({ rev }) => rev).sort(),
      revs.sort(),
      "the revs that were reported, against those that were stored",
    );
    equal(await store.count(now - HOUR), 0, "the count in the end");
  }),
];
