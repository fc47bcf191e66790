/** Rules 14 and 16: faults and their repetition, the end of a store, and bounds. */
import { isAbsent, isThere, keysOf, listAll, listOwned, sameHeads, stored, sweepAll } from "../ask.ts";
import { HOUR, keyValueCase, SECOND, storeCase, type ContractCase, type Scene } from "../contract-case.ts";
import { equal, fails, refuses } from "../expect.ts";
import { faultyStore, type Fault } from "../faulty-store.ts";
import {
  MAX_KEY_BYTES,
  MAX_META_BYTES,
  MAX_PAGE,
  type Begun,
  type Entry,
  type Head,
  type KeyValue,
  type Store,
} from "../../store/store.ts";

const writes = ["put", "touch", "delete", "revokeOwner", "sweep"] as const;
const long = { key: "k".repeat(MAX_KEY_BYTES + 1), wide: "é".repeat(MAX_KEY_BYTES / 2 + 1) };
const badInstants = [Number.NaN, Number.POSITIVE_INFINITY, 1.5, 2 ** 53];
const badLimits = [0, -1, 1.5, Number.NaN, MAX_PAGE + 1];

/** A small life of a store: what it holds in the end, and what the answers were, must not depend on faults. */
async function live({ now, entry }: Scene<Store>, store: Store): Promise<void> {
  const a = entry("a", { owner: "ann" });
  const b = entry("b", { owner: "bob" });
  const c = entry("c", { owner: "ann", expiresAt: now + SECOND });
  for (const each of [a, b, c]) equal(await stored(store, each, now), [], "what an insert removed");
  const changed = entry("a", { owner: "ann", value: "changed" });
  equal(await stored(store, changed, now, a.rev), [], "what a change removed");
  const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
  equal(await store.touch("a", changed.rev, to, now), true, "the touch");
  const replaced = entry("b", { owner: "bob" });
  sameHeads(await stored(store, replaced, now, "any"), [b], "what a replacement removed");
  sameHeads(await store.sweep(now + SECOND, 10), [c], "what was swept");
  const head = await store.delete("b");
  sameHeads(head === undefined ? [] : [head], [replaced], "what was deleted");
  const spared = entry("d", { owner: "ann" });
  await stored(store, spared, now);
  const begun = store.begin();
  sameHeads(await store.revokeOwner("ann", "d"), [{ ...changed, ...to }], "what was revoked");
  const late = await store.put(entry("e", { owner: "ann" }), null, now, begun);
  equal(late, { outcome: "revoked" }, "an insert that began before the revocation");
  equal(await store.count(now), 1, "the count");
  equal(keysOf(await listOwned(store, "ann", now)), ["d"], "the owner's listing");
  await isThere(store, spared, now, "what is left");
}

/** Repeats a call until it does not fail, as a caller does after a timeout. */
async function persist<T>(call: () => T | Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** Every call of a store, or of a key-value store. */
function calls(store: KeyValue, now: number, entry: Entry): [string, () => unknown][] {
  const common: [string, () => unknown][] = [
    ["get", () => store.get("k", now)],
    ["put", () => store.put(entry, null, now)],
    ["delete", () => store.delete("k")],
    ["list", () => store.list({ limit: 1 }, now)],
  ];
  if (!("touch" in store)) return common;
  const full = store as Store;
  return [
    ...common,
    ["touch", () => full.touch("k", "rev", { touchedAt: now, expiresAt: now }, now)],
    ["listByOwner", () => full.listByOwner("ann", { limit: 1 }, now)],
    ["revokeOwner", () => full.revokeOwner("ann")],
    ["begin", () => full.begin()],
    ["count", () => full.count(now)],
    ["sweep", () => full.sweep(now, 1)],
  ];
}

export const faultCases: readonly ContractCase[] = [
  keyValueCase(14, "after close every call is a store_closed", async ({ store, now, entry }) => {
    await stored(store, entry("k"), now);
    await store.close();
    for (const [name, call] of calls(store, now, entry("k"))) await fails(call, "store_closed", `${name} after close`);
  }),

  storeCase(14, "every write may be delivered twice", async (scene) => {
    const script = writes.map((call): Fault => ({ call, fault: "duplicate" }));
    await live(scene, faultyStore(scene.store, script));
  }),

  storeCase(14, "a put whose reply was lost can be repeated as it was", async ({ store, now, entry }) => {
    const faulty = faultyStore(store, [
      { call: "put", nth: 1, fault: "lose-reply" },
      { call: "put", nth: 3, fault: "lose-reply" },
      { call: "put", nth: 5, fault: "fail" },
    ]);
    const [first, second, third] = [entry("k"), entry("k", { value: "second" }), entry("k", { value: "third" })];
    equal((await persist(() => faulty.put(first, null, now))).outcome, "stored", "the insert");
    equal((await persist(() => faulty.put(second, first.rev, now))).outcome, "stored", "the change");
    equal((await persist(() => faulty.put(third, second.rev, now))).outcome, "stored", "the change that never arrived");
    await isThere(faulty, third, now, "the entry");
    equal(await faulty.count(now), 1, "the count");
    sameHeads(await sweepAll(faulty, now + HOUR), [third], "what a sweep finds");
  }),

  storeCase(
    14,
    "removals whose reply was lost can be repeated, and find nothing more",
    async ({ store, now, entry }) => {
      const script = (["touch", "delete", "revokeOwner", "sweep"] as const).map((call): Fault => ({
        call,
        nth: 1,
        fault: "lose-reply",
      }));
      const faulty = faultyStore(store, script);
      const made = [
        entry("a", { owner: "ann" }),
        entry("b", { owner: "bob" }),
        entry("c", { expiresAt: now + 1 }),
        entry("d"),
      ];
      for (const each of made) await stored(faulty, each, now);
      const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
      equal(await persist(() => faulty.touch("d", made[3]?.rev ?? "", to, now)), true, "the touch");
      equal(await persist(() => faulty.delete("a")), undefined, "the repeated delete");
      equal(await persist<readonly Head[]>(() => faulty.revokeOwner("bob")), [], "the repeated revocation");
      equal(await persist<readonly Head[]>(() => faulty.sweep(now + 1, 10)), [], "the repeated sweep");
      equal(keysOf(await listAll(faulty, now)), ["d"], "what is there");
      equal(await faulty.count(now), 1, "the count");
    },
  ),

  keyValueCase(16, "a key has 1 to 512 bytes, in every call", async ({ store, now, entry }) => {
    for (const key of ["", long.key, long.wide, 5 as unknown as string, undefined as unknown as string]) {
      const shown = typeof key === "string" ? `a key of ${key.length} characters` : `the key ${String(key)}`;
      await refuses(() => store.put(entry(key), null, now), `put with ${shown}`);
      await refuses(() => store.get(key, now), `get with ${shown}`);
      await refuses(() => store.delete(key), `delete with ${shown}`);
    }
    equal(await listAll(store, now), [], "what is there");
  }),

  storeCase(16, "a touch takes a key and instants within the bounds", async ({ store, now, entry }) => {
    const kept = entry("k");
    await stored(store, kept, now);
    const to = { touchedAt: now, expiresAt: now + HOUR };
    for (const key of ["", long.key]) await refuses(() => store.touch(key, kept.rev, to, now), "touch with a bad key");
    for (const bad of badInstants) {
      await refuses(() => store.touch("k", kept.rev, { ...to, touchedAt: bad }, now), `touch with touchedAt ${bad}`);
      await refuses(() => store.touch("k", kept.rev, { ...to, expiresAt: bad }, now), `touch with expiresAt ${bad}`);
      await refuses(() => store.touch("k", kept.rev, to, bad), `touch at ${bad}`);
    }
    await isThere(store, kept, now, "the entry");
  }),

  keyValueCase(16, "an entry out of bounds is refused, and nothing changes", async ({ store, now, entry }) => {
    const kept = entry("k");
    await stored(store, kept, now);
    const wrong: Record<string, unknown>[] = [
      { meta: "m".repeat(MAX_META_BYTES + 1) },
      { meta: "é".repeat(MAX_META_BYTES / 2 + 1) },
      { meta: undefined },
      { rev: "" },
      { rev: "any" },
      { owner: "" },
      { owner: undefined },
      { value: undefined },
      { value: 5 },
      { value: [1] },
      ...badInstants.flatMap((bad) => [{ createdAt: bad }, { touchedAt: bad }, { expiresAt: bad }]),
    ];
    for (const parts of wrong) {
      const made = { ...entry("k"), ...parts } as Entry;
      const what = `a put with a bad ${Object.keys(parts).join()}`;
      for (const expected of [null, "any", kept.rev]) await refuses(() => store.put(made, expected, now), what);
      await refuses(() => store.put({ ...made, key: "other" }, null, now), what);
    }
    await isThere(store, kept, now, "the entry");
    await isAbsent(store, "other", now, "the entry that was refused");
  }),

  keyValueCase(16, "an instant is a safe integer, a limit is 1 to 1,000", async ({ store, now, entry }) => {
    for (const bad of badInstants) {
      await refuses(() => store.get("k", bad), `get at ${bad}`);
      await refuses(() => store.put(entry("k"), null, bad), `put at ${bad}`);
      await refuses(() => store.list({ limit: 1 }, bad), `list at ${bad}`);
    }
    for (const bad of badLimits) await refuses(() => store.list({ limit: bad }, now), `list with the limit ${bad}`);
    equal(await listAll(store, now, { limit: MAX_PAGE }), [], "what is there");
  }),

  storeCase(
    16,
    "owners, totals and sweeps take instants and limits within the bounds",
    async ({ store, now, entry }) => {
      const kept = entry("k", { owner: "ann", expiresAt: now + 1 });
      await stored(store, kept, now);
      for (const bad of badInstants) {
        await refuses(() => store.count(bad), `count at ${bad}`);
        await refuses(() => store.sweep(bad, 1), `sweep at ${bad}`);
        await refuses(() => store.listByOwner("ann", { limit: 1 }, bad), `listByOwner at ${bad}`);
      }
      for (const bad of badLimits) {
        await refuses(() => store.sweep(now + 1, bad), `sweep with the limit ${bad}`);
        await refuses(() => store.listByOwner("ann", { limit: bad }, now), `listByOwner with the limit ${bad}`);
      }
      await isThere(store, kept, now, "the entry");
      sameHeads(await store.sweep(now + 1, MAX_PAGE), [kept], "what a sweep with the largest limit removes");
    },
  ),

  storeCase(16, "a beginning comes from the same store", async ({ store, open, now, entry }) => {
    const other = await open("b");
    const made = entry("k", { owner: "ann" });
    for (const begun of [other.begin(), {}, { seen: 1 }, 5, null] as Begun[]) {
      await refuses(() => store.put(made, null, now, begun), `put with the beginning ${JSON.stringify(begun)}`);
    }
    await isAbsent(store, "k", now, "the entry that was refused");
  }),
];
