/** Rule 8: owners, their index, and their floors. */
import { isAbsent, isConflict, isThere, keysOf, listOwned, sameHeads, stored } from "../ask.ts";
import { HOUR, MINUTE, SECOND, storeCase, type ContractCase } from "../contract-case.ts";
import { FLOOR_LIFETIME, type Entry, type Expected, type Store } from "../../store/store.ts";
import { equal } from "../expect.ts";

/** Expects that a put is refused by this floor. */
async function barred(store: Store, entry: Entry, now: number, { expected, floor }: Barred): Promise<void> {
  const put = await store.put(entry, expected ?? null, now);
  equal(put, { outcome: "revoked", floor }, `the put of ${entry.key} under the floor`);
}

interface Barred {
  readonly floor: number;
  readonly expected?: Expected;
}

export const ownerCases: readonly ContractCase[] = [
  storeCase(8, "revokeOwner removes all of an owner's entries, and nobody else's", async ({ store, now, entry }) => {
    const mine = ["a", "b", "c"].map((key) => entry(key, { owner: "ann", meta: key }));
    const others = [entry("d", { owner: "bob" }), entry("e"), entry("ann")];
    for (const each of [...mine, ...others]) await stored(store, each, now);
    sameHeads(await store.revokeOwner("ann", now), mine, "what the revocation removed");
    for (const { key } of mine) await isAbsent(store, key, now, "a revoked entry");
    for (const each of others) await isThere(store, each, now, "another's entry");
    equal(await listOwned(store, "ann", now), [], "the owner's listing");
    equal(await store.count(now), 3, "the count");
    equal(await store.revokeOwner("ann", now), [], "what a second revocation removed");
  }),

  storeCase(8, "revokeOwner looks neither at createdAt nor at expiry", async ({ store, now, entry }) => {
    const young = entry("young", { owner: "ann", createdAt: now + HOUR });
    const expired = entry("expired", { owner: "ann", expiresAt: now });
    await stored(store, young, now);
    await stored(store, expired, now - SECOND);
    sameHeads(await store.revokeOwner("ann", now), [young, expired], "what the revocation removed");
    equal(await store.sweep(now + HOUR, 10), [], "what a sweep finds after it");
  }),

  storeCase(8, "revokeOwner spares the entry that is excepted", async ({ store, now, entry }) => {
    const [mine, other, foreign] = [
      entry("a", { owner: "ann" }),
      entry("b", { owner: "ann" }),
      entry("c", { owner: "bob" }),
    ];
    for (const each of [mine, other, foreign]) await stored(store, each, now);
    sameHeads(await store.revokeOwner("ann", now, "a"), [other], "what the revocation removed");
    await isThere(store, mine, now, "the excepted entry");
    const changed = entry("a", { owner: "ann", value: "changed" });
    await stored(store, changed, now, mine.rev);
    await isThere(store, changed, now, "the excepted entry after a change under the floor");
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    equal(await store.touch("a", changed.rev, to, now), true, "a touch of the excepted entry");
    equal(await stored(store, changed, now, null), [], "what the repeat of a write under the floor removed");
    sameHeads(
      await store.revokeOwner("ann", now, "c"),
      [{ ...changed, ...to }],
      "what a revocation but another's removed",
    );
    await isThere(store, foreign, now, "the other's entry");
  }),

  storeCase(
    8,
    "an insert that began at the floor or before is refused, a later one is not",
    async ({ store, now, entry }) => {
      await store.revokeOwner("ann", now);
      for (const createdAt of [now, now - 1, now - HOUR]) {
        for (const expected of [null, "any"]) {
          await barred(store, entry("k", { owner: "ann", createdAt }), now, { floor: now, expected });
        }
      }
      await isAbsent(store, "k", now, "the entry that was refused");
      equal(await store.count(now), 0, "the count");
      equal(await listOwned(store, "ann", now), [], "the owner's listing");
      await stored(store, entry("k", { owner: "ann", createdAt: now + 1 }), now);
    },
  ),

  storeCase(8, "a floor bars its own owner alone", async ({ store, now, entry }) => {
    await store.revokeOwner("ann", now + MINUTE);
    for (const owner of ["bob", "Ann", "ann ", "an", null]) await stored(store, entry(`of ${owner}`, { owner }), now);
    equal(await store.count(now), 5, "the count");
  }),

  storeCase(8, "a lower floor later leaves the higher one", async ({ store, now, entry }) => {
    await store.revokeOwner("ann", now);
    await store.revokeOwner("ann", now - HOUR);
    await barred(store, entry("k", { owner: "ann" }), now, { floor: now });
    await store.revokeOwner("ann", now + 5);
    await barred(store, entry("k", { owner: "ann", createdAt: now + 5 }), now, { floor: now + 5 });
    await stored(store, entry("k", { owner: "ann", createdAt: now + 6 }), now);
  }),

  storeCase(8, "a floor stands for an hour of now past it, whatever happens", async ({ store, now, entry }) => {
    await store.revokeOwner("ann", now);
    const late = now + FLOOR_LIFETIME - 1;
    for (let round = 0; round < 20; round++) {
      await store.revokeOwner(`other ${round}`, now + round);
      await stored(store, entry(`other ${round}`, { expiresAt: late + HOUR }), late);
    }
    await store.sweep(late, 1_000);
    const slow = entry("k", { owner: "ann", createdAt: now, expiresAt: late + HOUR });
    await barred(store, slow, late, { floor: now });
    await barred(store, slow, now, { floor: now });
  }),

  storeCase(
    8,
    "a floor that is set when the clock has come back stands its hour too",
    async ({ store, now, entry }) => {
      await stored(store, entry("ahead", { expiresAt: now + 9 * HOUR }), now + 3 * HOUR);
      await store.sweep(now + 3 * HOUR, 10);
      await store.count(now + 3 * HOUR);
      await store.revokeOwner("ann", now);
      await store.revokeOwner("bob", now);
      for (const owner of ["ann", "bob"]) await barred(store, entry("k", { owner }), now, { floor: now });
      await barred(store, entry("k", { owner: "ann" }), now + FLOOR_LIFETIME - 1, { floor: now });
    },
  ),

  storeCase(8, "a floor set on an owner without entries counts as well", async ({ store, now, entry }) => {
    equal(await store.revokeOwner("ann", now), [], "what the revocation removed");
    await barred(store, entry("k", { owner: "ann" }), now, { floor: now });
  }),

  storeCase(8, 'an insert over an expired entry or over "any" meets the floor too', async ({ store, now, entry }) => {
    const old = entry("k", { owner: "ann", expiresAt: now + SECOND });
    const live = entry("live", { owner: "ann", expiresAt: now + HOUR });
    await stored(store, old, now);
    await stored(store, live, now);
    const foreign = entry("foreign", { owner: "bob", expiresAt: now + SECOND });
    await stored(store, foreign, now);
    await store.revokeOwner("ann", now, "live");
    const late = now + MINUTE;
    await barred(store, entry("k", { owner: "ann" }), late, { floor: now });
    await barred(store, entry("foreign", { owner: "ann" }), late, { floor: now });
    await barred(store, entry("live", { owner: "ann" }), late, { floor: now, expected: "any" });
    await isThere(store, live, late, "the live entry after the refusal");
    const head = await store.delete("foreign");
    sameHeads(head === undefined ? [] : [head], [foreign], "the expired entry after the refusal");
  }),

  storeCase(8, "a conflict comes before the floor: such a put would bring nothing", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "bob" });
    await stored(store, kept, now);
    await store.revokeOwner("ann", now);
    isConflict(await store.put(entry("k", { owner: "ann" }), null, now), kept, "an insert where an entry is");
    isConflict(await store.put(entry("k", { owner: "ann" }), "never", now), kept, "a put over another rev");
  }),

  storeCase(8, "a change of owner moves the entry from one index to the other", async ({ store, now, entry }) => {
    const first = entry("k", { owner: "ann" });
    const second = entry("k", { owner: "bob" });
    await stored(store, first, now);
    await stored(store, second, now, first.rev);
    equal(await listOwned(store, "ann", now), [], "the listing of the owner before");
    equal(keysOf(await listOwned(store, "bob", now)), ["k"], "the listing of the owner after");
    equal(await store.revokeOwner("ann", now), [], "what a revocation of the owner before removed");
    await isThere(store, second, now, "the entry after it");
    const third = entry("k", { owner: null });
    await stored(store, third, now, second.rev);
    equal(await store.revokeOwner("bob", now), [], "what a revocation removed once the entry is nobody's");
    const fourth = entry("k", { owner: "cat" });
    await stored(store, fourth, now, third.rev);
    sameHeads(await store.revokeOwner("cat", now), [fourth], "what a revocation of the last owner removed");
    equal(await store.count(now), 0, "the count");
  }),

  storeCase(8, "a change of owner meets the floor of the new one", async ({ store, now, entry }) => {
    await store.revokeOwner("bob", now);
    for (const owner of ["ann", null]) {
      const kept = entry(`of ${owner}`, { owner });
      await stored(store, kept, now);
      await barred(store, entry(kept.key, { owner: "bob" }), now, { floor: now, expected: kept.rev });
      await isThere(store, kept, now, "the entry after the refusal");
      await stored(store, entry(kept.key, { owner: "bob", createdAt: now + 1 }), now, kept.rev);
    }
    equal(keysOf(await listOwned(store, "bob", now)), ["of ann", "of null"], "the listing of the new owner");
    equal(await listOwned(store, "ann", now), [], "the listing of the owner before");
  }),

  storeCase(8, "a change to no owner, or within the owner, meets no floor", async ({ store, now, entry }) => {
    const first = entry("k", { owner: "ann" });
    await stored(store, first, now);
    await store.revokeOwner("ann", now, "k");
    const second = entry("k", { owner: "ann" });
    await stored(store, second, now, first.rev);
    const third = entry("k", { owner: null });
    await stored(store, third, now, second.rev);
    await isThere(store, third, now, "the entry");
    await barred(store, entry("k", { owner: "ann" }), now, { floor: now, expected: third.rev });
  }),

  storeCase(8, "an insert repeated after the revocation is refused", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "ann" });
    await stored(store, kept, now);
    await store.revokeOwner("ann", now);
    await barred(store, kept, now, { floor: now });
    await isAbsent(store, "k", now, "the revoked entry");
  }),
];
