/**
 * Rule 8: the order of revocations and of what begins before or after them. Two stores on one place stand for two
 * machines, and each brings dates of its own: none may have a part in it.
 */
import { systemTimer } from "../../time/timer.ts";
import type { Begun, Entry, Expected, Put, Store } from "../../store/store.ts";
import { isAbsent, isConflict, isThere, keysOf, listOwned, sameHeads, stored } from "../ask.ts";
import { asyncStore } from "../async-store.ts";
import { HOUR, MINUTE, SECOND, storeCase, twoStoresCase, type ContractCase } from "../contract-case.ts";
import { equal } from "../expect.ts";
import { faultyStore, gate } from "../faulty-store.ts";

const DAY = 24 * HOUR;

/** How a put is made, where it is not an insert. */
interface How {
  readonly expected?: Expected;
  readonly what?: string;
}

/** Expects that a put is refused, and that nothing is there where nothing was. */
async function isRefused(store: Store, entry: Entry, now: number, begun: Begun, how: How = {}): Promise<void> {
  const { expected = null, what = `the put of ${entry.key}, which began before the revocation` } = how;
  equal(await store.put(entry, expected, now, begun), { outcome: "revoked" }, what);
}

/** Expects that what begins now is let in; at its second beginning, if the store says that it needs one. */
async function isLetIn(store: Store, entry: Entry, now: number, how: How = {}): Promise<void> {
  const { expected = null, what = `the put of ${entry.key}, which began after the revocation` } = how;
  const attempt = async (): Promise<Put> => store.put(entry, expected, now, store.begin());
  let put = await attempt();
  if (put.outcome === "revoked" && !store.guarantees.exactOrder) put = await attempt();
  equal(put.outcome, "stored", what);
}

/** How many revocations and logins to make at once: a store across a network waits a moment after each. */
function many(store: Store, local: number): number {
  return store.guarantees.exactOrder ? local : Math.ceil(local / 10);
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

const beginningCases: readonly ContractCase[] = [
  storeCase(8, "what began before a revocation is refused, what begins after it is stored", async (scene) => {
    const { store, now, entry } = scene;
    const begun = store.begin();
    await store.revokeOwner("ann");
    for (const createdAt of [now, now - HOUR, now + DAY]) {
      for (const expected of [null, "any"]) {
        await isRefused(store, entry("k", { owner: "ann", createdAt }), now, begun, { expected });
      }
    }
    await isAbsent(store, "k", now, "the entry that was refused");
    equal(await store.count(now), 0, "the count");
    equal(await listOwned(store, "ann", now), [], "the owner's listing");
    // Its own revocation is known to it, so that no store has to be asked twice.
    const put = await store.put(entry("k", { owner: "ann", createdAt: now - DAY }), null, now, store.begin());
    equal(put.outcome, "stored", "what begins after it, by a date of a day before");
    await stored(store, entry("l", { owner: "ann" }), now);
  }),

  twoStoresCase(8, "it is refused also where another store has revoked", async ({ store: one, open, now, entry }) => {
    const two = await open();
    const [owned, ended, live] = [
      entry("owned", { owner: "bob" }),
      entry("ended", { owner: "ann", expiresAt: now + SECOND }),
      entry("live", { owner: "ann", expiresAt: now + HOUR }),
    ];
    for (const each of [owned, ended, live]) await stored(one, each, now);
    const old = one.begin();
    await new Promise<void>((resolve) => void systemTimer.after(100, resolve));
    const begun = one.begin();
    await two.revokeOwner("ann", "live");
    for (const each of [begun, old]) {
      await isRefused(one, entry("k", { owner: "ann" }), now, each);
      await isRefused(one, entry("k", { owner: "ann" }), now, each, { expected: "any" });
      await isRefused(one, entry("live", { owner: "ann" }), now, each, { expected: "any" });
      await isRefused(one, entry("ended", { owner: "ann", createdAt: now + DAY }), now + MINUTE, each);
      await isRefused(one, entry("owned", { owner: "ann" }), now, each, { expected: owned.rev });
    }
    await isAbsent(two, "k", now, "the entry that was refused");
    await isThere(two, owned, now, "the entry that was to change its owner");
    await isThere(two, live, now, "the entry that was to be replaced");
    await isLetIn(one, entry("owned", { owner: "ann" }), now, { expected: owned.rev });
    equal(keysOf(await listOwned(two, "ann", now)), ["live", "owned"], "the owner's listing");
  }),

  twoStoresCase(8, "what begins after a revocation has resolved is let in, by any date", async (scene) => {
    const { store: one, open, now, entry } = scene;
    const two = await open();
    let count = 0;
    for (const offset of [0, -DAY, DAY, -HOUR]) {
      const date = now + offset;
      await two.revokeOwner("ann");
      const parts = { owner: "ann", createdAt: date, touchedAt: date, expiresAt: date + 3 * DAY };
      await isLetIn(one, entry(`ann ${count++}`, parts), date);
    }
    const users = numbers(many(one, 200)).map((index) => `user ${index}`);
    await Promise.all(
      users.map(async (owner, index) => {
        await two.revokeOwner(owner);
        await isLetIn(one, entry(owner, { owner, createdAt: now + (index % 3) * DAY - DAY }), now);
      }),
    );
    equal((await listOwned(two, "ann", now - DAY)).length, 1, "what is left of the first owner");
  }),

  twoStoresCase(
    8,
    "of two revocations, each refuses what began before it",
    async ({ store: one, open, now, entry }) => {
      const two = await open();
      const first = one.begin();
      await two.revokeOwner("ann");
      const between = one.begin();
      await one.revokeOwner("ann");
      const after = one.begin();
      await two.revokeOwner("bob");
      for (const begun of [first, between]) await isRefused(one, entry("k", { owner: "ann" }), now, begun);
      for (const begun of [first, between, after]) await isRefused(one, entry("b", { owner: "bob" }), now, begun);
      equal((await one.put(entry("k", { owner: "ann" }), null, now, after)).outcome, "stored", "what began after both");
      await isRefused(one, entry("l", { owner: "ann" }), now, first, {
        what: "the first, once a later one was stored",
      });
    },
  ),

  twoStoresCase(8, "a refused put stays refused, and a new beginning is let in", async (scene) => {
    const { store: one, open, now, entry } = scene;
    const two = await open();
    const begun = one.begin();
    await two.revokeOwner("ann");
    const login = entry("k", { owner: "ann" });
    for (let repeat = 0; repeat < 3; repeat++) await isRefused(one, login, now, begun);
    equal((await one.put(login, null, now, one.begin())).outcome, "stored", "the login that begins anew");
    equal((await one.put(login, null, now, begun)).outcome, "stored", "the repeat of a write that was stored");
    await two.revokeOwner("ann");
    await isRefused(one, login, now, begun, { what: "the repeat of an insert that was revoked" });
  }),

  twoStoresCase(8, "a put held on its way over a revocation is refused", async ({ store: one, open, now, entry }) => {
    const two = await open();
    const held = gate();
    const remote = one.mode === "sync" ? asyncStore(one as Store<"sync">) : (one as Store<"async">);
    const slow = faultyStore(remote, [{ call: "put", fault: "hold", gate: held }]);
    const login = slow.put(entry("k", { owner: "ann" }), null, now);
    await held.reached;
    await two.revokeOwner("ann");
    held.open();
    equal(await login, { outcome: "revoked" }, "the put that was held");
    await isAbsent(two, "k", now, "its entry");
  }),

  storeCase(8, "a revocation beats what began before it in any company", async ({ store, now, entry }) => {
    const begun = store.begin();
    await store.revokeOwner("ann");
    await Promise.all(numbers(many(store, 1_000)).map(async (index) => store.revokeOwner(`other ${index}`)));
    const late = now + 2 * DAY;
    await stored(store, entry("other", { owner: "bob", expiresAt: late + HOUR }), late);
    await store.sweep(late, 1_000);
    const slow = entry("k", { owner: "ann", createdAt: late, expiresAt: late + HOUR });
    for (const at of [late, now]) await isRefused(store, slow, at, begun);
    await isLetIn(store, slow, late);
  }),

  twoStoresCase(8, "a revocation outlives the store that made it", async ({ store: one, open, now, entry }) => {
    const begun = one.begin();
    const two = await open();
    await two.revokeOwner("ann");
    await two.close();
    const three = await open();
    await three.revokeOwner("bob");
    await isRefused(one, entry("k", { owner: "ann" }), now, begun);
    await isRefused(one, entry("k", { owner: "bob" }), now, begun);
    await isLetIn(three, entry("k", { owner: "ann" }), now);
  }),

  storeCase(8, "a revocation counts wherever the key is kept", async ({ store, now, entry }) => {
    const begun = store.begin();
    await store.revokeOwner("ann");
    const keys = numbers(64).map((index) => `key ${index}`);
    for (const key of keys) await isRefused(store, entry(key, { owner: "ann" }), now, begun);
    for (const key of keys) await stored(store, entry(key, { owner: "ann" }), now);
    equal((await listOwned(store, "ann", now)).length, 64, "what began after it");
  }),
];

const scopeCases: readonly ContractCase[] = [
  storeCase(8, "a revocation refuses its own owner's alone", async ({ store, now, entry }) => {
    const begun = store.begin();
    await store.revokeOwner("ann");
    for (const owner of ["bob", "Ann", "ann ", "an", "ann\0", null]) {
      const put = await store.put(entry(`of ${owner}`, { owner }), null, now, begun);
      equal(put.outcome, "stored", `the put of ${owner}'s entry`);
    }
    equal(await store.count(now), 6, "the count");
  }),

  storeCase(8, "it counts also where it has removed nothing", async ({ store, now, entry }) => {
    const begun = store.begin();
    equal(await store.revokeOwner("nobody yet"), [], "what the revocation removed");
    await isRefused(store, entry("k", { owner: "nobody yet" }), now, begun);
  }),

  storeCase(8, "a conflict comes first: such a put would bring nothing", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "bob" });
    await stored(store, kept, now);
    const begun = store.begin();
    await store.revokeOwner("ann");
    isConflict(await store.put(entry("k", { owner: "ann" }), null, now, begun), kept, "an insert where an entry is");
    isConflict(await store.put(entry("k", { owner: "ann" }), "never", now, begun), kept, "a put over another rev");
  }),

  storeCase(8, "the excepted entry goes on, whatever has begun when", async ({ store, now, entry }) => {
    const first = entry("k", { owner: "ann" });
    await stored(store, first, now);
    const begun = store.begin();
    await store.revokeOwner("ann", "k");
    const second = entry("k", { owner: "ann", value: "changed" });
    equal((await store.put(second, first.rev, now, begun)).outcome, "stored", "a change within the owner");
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    equal(await store.touch("k", second.rev, to, now), true, "a touch");
    const third = entry("k", { owner: null });
    equal((await store.put(third, second.rev, now, begun)).outcome, "stored", "a change to no owner");
    await isRefused(store, entry("k", { owner: "ann" }), now, begun, { expected: third.rev });
    await isThere(store, { ...third, ...to }, now, "the entry");
  }),

  storeCase(8, "an expired entry of another's is left where a login over it is refused", async (scene) => {
    const { store, now, entry } = scene;
    const ended = entry("k", { owner: "bob", expiresAt: now + SECOND });
    await stored(store, ended, now);
    const begun = store.begin();
    await store.revokeOwner("ann");
    await isRefused(store, entry("k", { owner: "ann" }), now + MINUTE, begun);
    const head = await store.delete("k");
    sameHeads(head === undefined ? [] : [head], [ended], "the expired entry after the refusal");
  }),

  storeCase(8, "a change of owner meets the revocations of the new one", async ({ store, now, entry }) => {
    const begun = store.begin();
    await store.revokeOwner("bob");
    for (const owner of ["ann", null]) {
      const kept = entry(`of ${owner}`, { owner });
      await stored(store, kept, now);
      await isRefused(store, entry(kept.key, { owner: "bob" }), now, begun, { expected: kept.rev });
      await isThere(store, kept, now, "the entry after the refusal");
      await isLetIn(store, entry(kept.key, { owner: "bob" }), now, { expected: kept.rev });
    }
    equal(keysOf(await listOwned(store, "bob", now)), ["of ann", "of null"], "the listing of the new owner");
    equal(await listOwned(store, "ann", now), [], "the listing of the owner before");
  }),

  storeCase(8, "one beginning serves more than one put", async ({ store, now, entry }) => {
    const begun = store.begin();
    for (const key of ["a", "b"]) {
      equal((await store.put(entry(key, { owner: "ann" }), null, now, begun)).outcome, "stored", `the put of ${key}`);
    }
    sameHeads([...(await store.revokeOwner("ann"))].slice(2), [], "more than the two that the revocation removed");
    await isRefused(store, entry("c", { owner: "ann" }), now, begun);
  }),
];

export const orderCases: readonly ContractCase[] = [...beginningCases, ...scopeCases];
