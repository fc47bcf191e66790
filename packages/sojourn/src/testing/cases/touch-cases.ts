/** Rules 6 and 7: touch and delete. */
import { isAbsent, isConflict, isThere, keysOf, listAll, listOwned, sameHeads, stored, sweepAll } from "../ask.ts";
import { HOUR, keyValueCase, MINUTE, SECOND, storeCase, type ContractCase } from "../contract-case.ts";
import { equal, holds } from "../expect.ts";

export const touchCases: readonly ContractCase[] = [
  storeCase(6, "a touch moves both instants, and nothing else", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "ann", meta: "m", value: new Uint8Array([9]), createdAt: now - HOUR });
    await stored(store, kept, now);
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    equal(await store.touch("k", kept.rev, to, now + SECOND), true, "the touch");
    await isThere(store, { ...kept, ...to }, now + HOUR - 1, "the touched entry");
    await isAbsent(store, "k", now + HOUR, "the touched entry at its new end");
    equal(keysOf(await listOwned(store, "ann", now + HOUR - 1)), ["k"], "the owner's listing");
    sameHeads(await listAll(store, now + HOUR - 1), [{ ...kept, ...to }], "the listing");
  }),

  storeCase(6, "a touch with earlier instants is true, and moves nothing back", async ({ store, now, entry }) => {
    const kept = entry("k", { touchedAt: now + SECOND, expiresAt: now + HOUR });
    await stored(store, kept, now);
    const touch = async (touchedAt: number, expiresAt: number): Promise<boolean> =>
      store.touch("k", kept.rev, { touchedAt, expiresAt }, now);
    equal(await touch(now, now + MINUTE), true, "the touch with earlier instants");
    equal(await touch(now, now - MINUTE), true, "the touch with an end that is past");
    equal(await touch(kept.touchedAt, kept.expiresAt), true, "the touch with the same instants");
    await isThere(store, kept, now, "the entry after them");
    equal(await touch(now + MINUTE, now + MINUTE), true, "the touch with touchedAt alone later");
    await isThere(store, { ...kept, touchedAt: now + MINUTE }, now, "the entry after it");
    equal(await touch(now, now + 2 * HOUR), true, "the touch with expiresAt alone later");
    await isThere(store, { ...kept, touchedAt: now + MINUTE, expiresAt: now + 2 * HOUR }, now, "the entry after it");
  }),

  storeCase(6, "a touch repeated is true again, and counts once", async ({ store, now, entry }) => {
    const kept = entry("k");
    await stored(store, kept, now);
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    for (const time of ["first", "second"]) equal(await store.touch("k", kept.rev, to, now), true, `the ${time} touch`);
    await isThere(store, { ...kept, ...to }, now, "the entry");
    equal(await store.count(now), 1, "the count");
    sameHeads(await sweepAll(store, now + HOUR), [{ ...kept, ...to }], "what is swept in the end");
  }),

  storeCase(6, "a touch is only for the rev that is there", async ({ store, now, entry }) => {
    const first = entry("k");
    const second = entry("k");
    await stored(store, first, now);
    await stored(store, second, now, first.rev);
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    equal(await store.touch("k", first.rev, to, now), false, "the touch of an old rev");
    equal(await store.touch("other", second.rev, to, now), false, "the touch of another key");
    await isThere(store, second, now, "the entry");
  }),

  storeCase(6, "a touch never inserts and never revives", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "ann" });
    const to = { touchedAt: now + MINUTE, expiresAt: now + HOUR };
    equal(await store.touch("k", kept.rev, to, now), false, "the touch of nothing");
    await isAbsent(store, "k", now, "the key that was touched");
    await stored(store, kept, now);
    equal(await store.touch("k", kept.rev, to, now + MINUTE), false, "the touch of an expired entry");
    await isAbsent(store, "k", now + MINUTE, "the expired entry");
    await store.delete("k");
    equal(await store.touch("k", kept.rev, to, now), false, "the touch of a deleted entry");
    await isAbsent(store, "k", now, "the deleted entry");
    equal(await listOwned(store, "ann", now), [], "the owner's listing");
    equal(await store.count(now), 0, "the count");
  }),

  storeCase(6, "a touched entry is swept and counted by its new end", async ({ store, now, entry }) => {
    const kept = entry("k");
    const other = entry("other", { expiresAt: now + 2 * MINUTE });
    await stored(store, kept, now);
    await stored(store, other, now);
    const to = { touchedAt: now, expiresAt: now + 3 * MINUTE };
    await store.touch("k", kept.rev, to, now);
    equal(await store.count(now + MINUTE), 2, "the count after the old end");
    equal(await store.sweep(now + MINUTE, 10), [], "what is swept after the old end");
    sameHeads(await store.sweep(now + 3 * MINUTE, 1), [other], "what is swept first");
    sameHeads(await store.sweep(now + 3 * MINUTE, 1), [{ ...kept, ...to }], "what is swept then");
  }),

  keyValueCase(7, "delete removes a live entry and returns its head", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "ann", meta: "m" });
    await stored(store, kept, now);
    await stored(store, entry("other"), now);
    const head = await store.delete("k");
    sameHeads(head === undefined ? [] : [head], [kept], "the head of the deleted entry");
    await isAbsent(store, "k", now, "the deleted entry");
    equal(keysOf(await listAll(store, now)), ["other"], "what is listed after it");
    equal(await store.delete("k"), undefined, "the second delete");
  }),

  keyValueCase(7, "delete of what is not there is undefined", async ({ store, now, entry }) => {
    equal(await store.delete("k"), undefined, "the delete on an empty store");
    await stored(store, entry("kk"), now);
    equal(await store.delete("k"), undefined, "the delete of another key");
    equal(keysOf(await listAll(store, now)), ["kk"], "what is there");
  }),

  keyValueCase(7, "delete removes an expired entry too, and returns its head", async ({ store, now, entry }) => {
    const kept = entry("k");
    await stored(store, kept, now);
    await isAbsent(store, "k", now + HOUR, "the expired entry");
    const head = await store.delete("k");
    sameHeads(head === undefined ? [] : [head], [kept], "the head of the expired entry");
    await isAbsent(store, "k", now, "the entry, with the clock back");
  }),

  storeCase(7, "what is deleted is gone for owner, total and sweep", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "ann" });
    await stored(store, kept, now);
    holds((await store.delete("k")) !== undefined, "the delete must find the entry");
    equal(await store.count(now), 0, "the count");
    equal(await listOwned(store, "ann", now), [], "the owner's listing");
    equal(await store.revokeOwner("ann"), [], "what a revocation finds");
    equal(await sweepAll(store, now + HOUR), [], "what a sweep finds");
  }),

  keyValueCase(7, "a change in flight does not bring back what was deleted", async ({ store, now, entry }) => {
    const kept = entry("k");
    await stored(store, kept, now);
    await store.delete("k");
    isConflict(await store.put(entry("k"), kept.rev, now), undefined, "a put over the deleted rev");
    await isAbsent(store, "k", now, "the deleted entry");
    equal(await stored(store, entry("k"), now), [], "what a new insert removed");
  }),
];
