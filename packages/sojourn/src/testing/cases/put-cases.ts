/** Rules 3 to 5: compare-and-set, repeats, and puts that take no time away. */
import { isAbsent, isConflict, isThere, stored, listAll, sameHeads } from "../ask.ts";
import { HOUR, keyValueCase, MINUTE, SECOND, storeCase, type ContractCase } from "../contract-case.ts";
import { equal } from "../expect.ts";

export const putCases: readonly ContractCase[] = [
  keyValueCase(3, "with null it stores only where nothing is", async ({ store, now, entry }) => {
    const first = entry("k");
    equal(await stored(store, first, now, null), [], "what an insert removed");
    isConflict(await store.put(entry("k"), null, now), first, "an insert where an entry is");
    await isThere(store, first, now, "the entry after the conflict");
  }),

  keyValueCase(3, "with a rev it stores only over that rev", async ({ store, now, entry }) => {
    const first = entry("k");
    isConflict(await store.put(entry("k"), first.rev, now), undefined, "a put over a rev where nothing is");
    await isAbsent(store, "k", now, "the key after the conflict");
    await stored(store, first, now);
    const second = entry("k", { value: "second" });
    await stored(store, second, now, first.rev);
    await isThere(store, second, now, "the entry after the change");
    isConflict(await store.put(entry("k"), first.rev, now), second, "a put over an old rev");
    isConflict(await store.put(entry("k"), "never", now), second, "a put over a rev that never was");
    await isThere(store, second, now, "the entry after the conflicts");
  }),

  keyValueCase(3, 'with "any" it stores over whatever is there', async ({ store, now, entry }) => {
    const first = entry("k");
    equal(await stored(store, first, now, "any"), [], "what a put on nothing removed");
    const second = entry("k", { expiresAt: now + SECOND });
    sameHeads(await stored(store, second, now, "any"), [first], "what a put over a live entry removed");
    await isThere(store, second, now, "the entry after it");
  }),

  keyValueCase(3, "a conflict brings the whole entry that is there", async ({ store, now, entry }) => {
    const parts = { owner: "ann", meta: "device", value: new Uint8Array([0, 255, 7]), touchedAt: now + 1 };
    const kept = entry("k", parts);
    await stored(store, kept, now);
    isConflict(await store.put(entry("k"), null, now), kept, "an insert where an entry is");
  }),

  keyValueCase(3, "a conflict removes nothing on the way", async ({ store, now, entry }) => {
    const kept = entry("k", { expiresAt: now + HOUR });
    const other = entry("other");
    await stored(store, other, now);
    await stored(store, kept, now);
    isConflict(await store.put(entry("k"), null, now + MINUTE), kept, "an insert where an entry is");
    sameHeads([(await store.delete("other")) ?? kept], [other], "the expired entry after the conflict");
  }),

  storeCase(3, "a conflict leaves owners and totals alone", async ({ store, now, entry }) => {
    await stored(store, entry("k", { owner: "ann" }), now);
    await store.put(entry("k", { owner: "bob" }), null, now);
    equal(await store.count(now), 1, "the count");
    equal((await store.listByOwner("bob", { limit: 10 }, now)).items, [], "the listing of the owner that lost");
    equal((await store.listByOwner("ann", { limit: 10 }, now)).items.length, 1, "the listing of the owner that stays");
  }),

  keyValueCase(4, "the same rev again is stored, and changes nothing", async ({ store, now, entry }) => {
    const kept = entry("k");
    await stored(store, kept, now);
    for (const expected of [null, "any", kept.rev, "another"]) {
      const put = await store.put({ ...kept, value: "other", meta: "other" }, expected, now);
      equal(put, { outcome: "stored", removed: [] }, `the repeat that expects ${expected}`);
      await isThere(store, kept, now, "the entry after the repeat");
    }
  }),

  keyValueCase(4, "a change repeated over the rev that it replaced is stored once", async ({ store, now, entry }) => {
    const first = entry("k");
    const second = entry("k", { value: "second" });
    await stored(store, first, now);
    await stored(store, second, now, first.rev);
    equal(await stored(store, second, now, first.rev), [], "what the repeat removed");
    await isThere(store, second, now, "the entry after the repeat");
  }),

  storeCase(4, "a repeat after a touch leaves the touch", async ({ store, now, entry }) => {
    const kept = entry("k");
    await stored(store, kept, now);
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    equal(await store.touch("k", kept.rev, to, now), true, "the touch");
    for (const expected of [null, "any", kept.rev]) {
      equal(await stored(store, kept, now, expected), [], `what the repeat over ${expected} removed`);
      await isThere(store, { ...kept, ...to }, now, "the entry after the repeat");
    }
  }),

  storeCase(4, "a repeat reports nothing, not even what has expired meanwhile", async ({ store, now, entry }) => {
    const kept = entry("k", { expiresAt: now + HOUR });
    const expired = ["a", "b", "c"].map((key) => entry(key));
    for (const each of [kept, ...expired]) await stored(store, each, now);
    equal(await stored(store, kept, now + MINUTE), [], "what the repeat removed");
    sameHeads(await store.sweep(now + MINUTE, 10), expired, "what a sweep finds after it");
  }),

  storeCase(
    4,
    "the late repeat of a change that others have followed does not come back",
    async ({ store, now, entry }) => {
      const [first, second, third] = [entry("k"), entry("k"), entry("k")];
      await stored(store, first, now);
      await stored(store, second, now, first.rev);
      await stored(store, third, now, second.rev);
      isConflict(await store.put(second, first.rev, now), third, "the late repeat");
      await store.delete("k");
      isConflict(await store.put(third, second.rev, now), undefined, "the late repeat after a delete");
      equal(await store.count(now), 0, "the count");
    },
  ),

  keyValueCase(5, "a put over a rev keeps the later instants", async ({ store, now, entry }) => {
    const first = entry("k", { touchedAt: now + SECOND, expiresAt: now + HOUR });
    const second = entry("k", { touchedAt: now, expiresAt: now + MINUTE, createdAt: now - 1, value: "second" });
    await stored(store, first, now);
    await stored(store, second, now, first.rev);
    const { touchedAt, expiresAt } = first;
    await isThere(store, { ...second, touchedAt, expiresAt }, now, "the entry after a put with earlier instants");
    const third = entry("k", { touchedAt: now + MINUTE, expiresAt: now + SECOND });
    await stored(store, third, now, second.rev);
    await isThere(store, { ...third, expiresAt }, now, "the entry after a put with one later instant");
    const fourth = entry("k", { touchedAt: now, expiresAt: now + 2 * HOUR });
    await stored(store, fourth, now, third.rev);
    await isThere(store, { ...fourth, touchedAt: now + MINUTE }, now, "the entry after a put with the other one later");
  }),

  storeCase(5, "a put over a rev keeps what a touch gave", async ({ store, now, entry }) => {
    const first = entry("k", { owner: "ann" });
    await stored(store, first, now);
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    await store.touch("k", first.rev, to, now);
    const second = entry("k", { owner: "ann", value: "second" });
    await stored(store, second, now, first.rev);
    await isThere(store, { ...second, ...to }, now, "the entry");
    equal(await store.count(now + HOUR - 1), 1, "the count until the touched end");
    equal(await store.sweep(now + HOUR - 1, 10), [], "what is swept before the touched end");
    sameHeads(await store.sweep(now + HOUR, 10), [{ ...second, ...to }], "what is swept at the touched end");
  }),

  keyValueCase(5, 'a put over "any" starts anew, with its own instants', async ({ store, now, entry }) => {
    const first = entry("k", { touchedAt: now + SECOND, expiresAt: now + HOUR });
    const second = entry("k", { touchedAt: now, expiresAt: now + MINUTE });
    await stored(store, first, now);
    await stored(store, second, now, "any");
    await isThere(store, second, now, "the entry");
    equal(await listAll(store, now + MINUTE), [], "the listing at its own end");
  }),
];
