/** Rules 12 and 15: calls that are one step each, also between two stores; and namespaces that stand apart. */
import { isAbsent, isConflict, isThere, keysOf, listAll, listOwned, sameHeads, stored, sweepAll } from "../ask.ts";
import {
  HOUR,
  keyValueCase,
  MINUTE,
  SECOND,
  storeCase,
  twoStoresCase,
  type ContractCase,
  type Scene,
} from "../contract-case.ts";
import { equal, holds } from "../expect.ts";
import type { Head, Store } from "../../store/store.ts";

/** Adds one to a number that is kept as a value, as often as it takes. */
async function increment({ entry, now }: Scene<Store>, store: Store): Promise<void> {
  let current = await store.get("counter", now);
  for (;;) {
    const next = entry("counter", { value: String(Number(current?.value ?? 0) + 1) });
    const put = await store.put(next, current?.rev ?? null, now);
    if (put.outcome === "stored") return;
    holds(put.outcome === "conflict", "a put of the counter must be stored or a conflict");
    if (put.outcome === "conflict") current = put.current;
  }
}

async function race(scene: Scene<Store>, stores: readonly Store[]): Promise<void> {
  const { entry, now } = scene;
  const turns = Array.from({ length: 24 }, (_, index) => stores[index % stores.length] as Store);
  const puts = await Promise.all(turns.map(async (store) => store.put(entry("k"), null, now)));
  equal(puts.filter(({ outcome }) => outcome === "stored").length, 1, "how many of the inserts at once were stored");
  const winner = await turns[0]?.get("k", now);
  for (const put of puts) if (put.outcome !== "stored") isConflict(put, winner, "an insert that came second");

  await Promise.all(turns.map(async (store) => increment(scene, store)));
  equal((await turns[0]?.get("counter", now))?.value, "24", "the counter after 24 increments at once");

  const heads = await Promise.all(turns.map(async (store) => store.delete("counter")));
  equal(heads.filter((head) => head !== undefined).length, 1, "how many of the deletes at once found the entry");
}

async function raceRevocation({ now, entry }: Scene<Store>, stores: readonly Store[]): Promise<void> {
  const turns = Array.from({ length: 20 }, (_, index) => stores[index % stores.length] as Store);
  const made = turns.map((store, index) => ({ begun: store.begin(), login: entry(`k${index}`, { owner: "ann" }) }));
  const revocations: Promise<readonly Head[]>[] = [];
  const puts = turns.map(async (store, index) => {
    if (index === 10) revocations.push((async () => store.revokeOwner("ann"))());
    return store.put(made[index]?.login ?? entry("never"), null, now, made[index]?.begun);
  });
  const outcomes = await Promise.all(puts);
  const gone = (await Promise.all(revocations)).flat();
  const kept = made.filter((_, index) => outcomes[index]?.outcome === "stored").map(({ login }) => login);
  equal(keysOf(gone), keysOf(kept), "what was revoked, against what was stored before it");
  for (const store of stores) {
    equal(await listOwned(store, "ann", now), [], "the owner's listing after the race");
    equal(await store.count(now), 0, "the count after the race");
  }
}

async function raceSweeps({ now, entry }: Scene<Store>, stores: readonly Store[]): Promise<void> {
  const made = Array.from({ length: 40 }, (_, index) => entry(`k${index}`, { owner: "cat", expiresAt: now + index }));
  for (const each of made) await stored(stores[0] as Store, each, now - HOUR);
  const turns = Array.from({ length: 10 }, (_, index) => stores[index % stores.length] as Store);
  const answers = await Promise.all(
    turns.map(async (store, index) => {
      if (index === 5) return store.revokeOwner("cat");
      if (index === 7) return [await store.delete("k39")].filter((head) => head !== undefined);
      return store.sweep(now + MINUTE, 3);
    }),
  );
  const rest = await sweepAll(stores[0] as Store, now + MINUTE);
  sameHeads([...answers.flat(), ...rest], made, "what calls at once reported together");
}

export const stepCases: readonly ContractCase[] = [
  storeCase(12, "of calls at once on one key, one wins and nothing is lost", async (scene) =>
    race(scene, [scene.store]),
  ),
  storeCase(12, "a revocation beats the inserts in flight", async (scene) => raceRevocation(scene, [scene.store])),
  storeCase(12, "removals at once report each head once", async (scene) => raceSweeps(scene, [scene.store])),

  storeCase(12, "a touch and a change at once both count", async ({ store, now, entry }) => {
    const first = entry("k");
    await stored(store, first, now);
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    const second = entry("k", { expiresAt: now + 2 * MINUTE, value: "second" });
    const [touched, put] = await Promise.all([store.touch("k", first.rev, to, now), store.put(second, first.rev, now)]);
    equal(put.outcome, "stored", "the change");
    await isThere(store, touched ? { ...second, ...to } : second, now, "the entry after both");
  }),

  storeCase(12, "nothing in flight revives what a delete has removed", async ({ store, now, entry }) => {
    const first = entry("k", { owner: "ann" });
    await stored(store, first, now);
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    await Promise.all([
      store.touch("k", first.rev, to, now),
      store.delete("k"),
      store.put(entry("k", { owner: "ann" }), first.rev, now),
      store.touch("k", first.rev, to, now),
      store.delete("k"),
      store.put(entry("k", { owner: "ann" }), first.rev, now),
    ]);
    await isAbsent(store, "k", now, "the deleted entry");
    equal(await store.count(now), 0, "the count");
    equal(await listOwned(store, "ann", now), [], "the owner's listing");
  }),

  twoStoresCase(12, "two stores on one namespace race as one does", async (scene) => {
    const stores = [scene.store, await scene.open()];
    await race(scene, stores);
    for (const { key } of await listAll(scene.store, scene.now)) await scene.store.delete(key);
    await raceRevocation(scene, stores);
    await raceSweeps(scene, stores);
  }),

  twoStoresCase(12, "what one store writes, another reads at once", async ({ store: one, open, now, entry }) => {
    const other = await open();
    const first = entry("k", { owner: "ann" });
    await isAbsent(other, "k", now, "the entry in the other store, before");
    await stored(one, first, now);
    await isThere(other, first, now, "the entry in the other store");
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    equal(await other.touch("k", first.rev, to, now), true, "the touch through the other store");
    await isThere(one, { ...first, ...to }, now, "the touched entry in the first store");
    const second = entry("k", { owner: "bob", expiresAt: now + HOUR });
    await stored(other, second, now, first.rev);
    isConflict(await one.put(entry("k"), first.rev, now), { ...second, ...to }, "a put over the old rev");
    equal(await listOwned(one, "ann", now), [], "the listing of the owner before");
    equal(keysOf(await listOwned(one, "bob", now)), ["k"], "the listing of the owner after");
    const begun = one.begin();
    sameHeads(await other.revokeOwner("bob"), [{ ...second, ...to }], "what the other store revoked");
    const late = await one.put(entry("b", { owner: "bob" }), null, now, begun);
    equal(late, { outcome: "revoked" }, "an insert that began before it");
    await isAbsent(one, "k", now, "the entry in the first store");
    equal(await one.count(now), 0, "the count in the first store");
    await stored(one, entry("x"), now);
    await other.delete("x");
    await isAbsent(one, "x", now, "the entry that the other store deleted");
  }),

  twoStoresCase(
    12,
    "a store that closes leaves the entries to the other one",
    async ({ store: one, open, now, entry }) => {
      const other = await open();
      const kept = entry("k");
      await stored(one, kept, now);
      await one.close();
      await isThere(other, kept, now, "the entry in the store that is open");
    },
  ),

  keyValueCase(15, "namespaces do not see each other's entries", async ({ store: one, open, now, entry }) => {
    // The second name begins with the first, so that a store which merely joins name and key mixes them up.
    const other = await open("a-b");
    const [mine, yours] = [entry("k"), entry("k", { value: "yours" })];
    await stored(one, mine, now);
    await isAbsent(other, "k", now, "the entry in the other namespace");
    await stored(other, yours, now);
    await isThere(one, mine, now, "the entry in the first namespace");
    await stored(other, entry("c"), now);
    for (const key of ["-b:c", "-bc", "b:c", ":c"]) {
      await isAbsent(one, key, now, "a key that completes the name");
      equal(await one.delete(key), undefined, "the delete of a key that completes the name");
    }
    equal(keysOf(await listAll(one, now)), ["k"], "the listing of the first namespace");
    equal(keysOf(await listAll(other, now)), ["c", "k"], "the listing of the other namespace");
    await one.delete("k");
    await isThere(other, yours, now, "the entry in the other namespace");
    await one.close();
    await isThere(other, yours, now, "the entry after the first store closed");
  }),

  storeCase(
    15,
    "namespaces share no owners, revocations, totals and sweeps",
    async ({ store: one, open, now, entry }) => {
      const other = await open("a-b");
      const [mine, yours] = [entry("k", { owner: "ann" }), entry("k", { owner: "ann" })];
      await stored(one, mine, now);
      await stored(other, yours, now);
      await stored(other, entry("l"), now);
      equal(await one.count(now), 1, "the count of the first namespace");
      equal(await other.count(now), 2, "the count of the other namespace");
      equal((await listOwned(one, "ann", now)).length, 1, "the owner's listing in the first namespace");
      equal(
        await one.touch("k", yours.rev, { touchedAt: now, expiresAt: now }, now),
        false,
        "a touch with the other rev",
      );
      const begun = other.begin();
      sameHeads(await one.revokeOwner("ann"), [mine], "what a revocation in the first namespace removed");
      await isThere(other, yours, now, "the entry in the other namespace");
      const put = await other.put(entry("m", { owner: "ann" }), null, now, begun);
      equal(put.outcome, "stored", "what began in the other namespace before it");
      equal(await one.sweep(now + HOUR, 10), [], "what a sweep of the first namespace removes");
      equal((await sweepAll(other, now + HOUR)).length, 3, "how many a sweep of the other namespace removes");
    },
  ),
];
