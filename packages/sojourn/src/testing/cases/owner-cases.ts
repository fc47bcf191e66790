/** Rule 8: owners and their index, and what `revokeOwner` removes. */
import { isAbsent, isThere, keysOf, listOwned, sameHeads, stored } from "../ask.ts";
import { HOUR, SECOND, storeCase, type ContractCase } from "../contract-case.ts";
import { equal } from "../expect.ts";

export const ownerCases: readonly ContractCase[] = [
  storeCase(8, "revokeOwner removes all of an owner's entries, and nobody else's", async ({ store, now, entry }) => {
    const mine = ["a", "b", "c"].map((key) => entry(key, { owner: "ann", meta: key }));
    const others = [entry("d", { owner: "bob" }), entry("e"), entry("ann")];
    for (const each of [...mine, ...others]) await stored(store, each, now);
    sameHeads(await store.revokeOwner("ann"), mine, "what the revocation removed");
    for (const { key } of mine) await isAbsent(store, key, now, "a revoked entry");
    for (const each of others) await isThere(store, each, now, "another's entry");
    equal(await listOwned(store, "ann", now), [], "the owner's listing");
    equal(await store.count(now), 3, "the count");
    equal(await store.revokeOwner("ann"), [], "what a second revocation removed");
  }),

  storeCase(8, "revokeOwner looks neither at createdAt nor at expiry", async ({ store, now, entry }) => {
    const young = entry("young", { owner: "ann", createdAt: now + HOUR });
    const expired = entry("expired", { owner: "ann", expiresAt: now });
    await stored(store, young, now);
    await stored(store, expired, now - SECOND);
    sameHeads(await store.revokeOwner("ann"), [young, expired], "what the revocation removed");
    equal(await store.sweep(now + HOUR, 10), [], "what a sweep finds after it");
  }),

  storeCase(8, "revokeOwner spares the entry that is excepted", async ({ store, now, entry }) => {
    const [mine, other, foreign] = [
      entry("a", { owner: "ann" }),
      entry("b", { owner: "ann" }),
      entry("c", { owner: "bob" }),
    ];
    for (const each of [mine, other, foreign]) await stored(store, each, now);
    sameHeads(await store.revokeOwner("ann", "a"), [other], "what the revocation removed");
    await isThere(store, mine, now, "the excepted entry");
    const changed = entry("a", { owner: "ann", value: "changed" });
    await stored(store, changed, now, mine.rev);
    await isThere(store, changed, now, "the excepted entry after a change");
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    equal(await store.touch("a", changed.rev, to, now), true, "a touch of the excepted entry");
    equal(await stored(store, changed, now, null), [], "what the repeat of a write removed");
    sameHeads(await store.revokeOwner("ann", "c"), [{ ...changed, ...to }], "what a revocation but another's removed");
    await isThere(store, foreign, now, "the other's entry");
  }),

  storeCase(8, "a change of owner moves the entry from one index to the other", async ({ store, now, entry }) => {
    const first = entry("k", { owner: "ann" });
    const second = entry("k", { owner: "bob" });
    await stored(store, first, now);
    await stored(store, second, now, first.rev);
    equal(await listOwned(store, "ann", now), [], "the listing of the owner before");
    equal(keysOf(await listOwned(store, "bob", now)), ["k"], "the listing of the owner after");
    equal(await store.revokeOwner("ann"), [], "what a revocation of the owner before removed");
    await isThere(store, second, now, "the entry after it");
    const third = entry("k", { owner: null });
    await stored(store, third, now, second.rev);
    equal(await store.revokeOwner("bob"), [], "what a revocation removed once the entry is nobody's");
    const fourth = entry("k", { owner: "cat" });
    await stored(store, fourth, now, third.rev);
    sameHeads(await store.revokeOwner("cat"), [fourth], "what a revocation of the last owner removed");
    equal(await store.count(now), 0, "the count");
  }),
];
