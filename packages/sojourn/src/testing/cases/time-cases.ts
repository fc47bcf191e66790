/** Rules 0 to 2: the shape of a store, time that is given, and reading that changes nothing. */
import {
  isAbsent,
  isConflict,
  isThere,
  keysOf,
  listAll,
  listOwned,
  sameEntry,
  sameHeads,
  stored,
  sweepAll,
} from "../ask.ts";
import { HOUR, keyValueCase, MINUTE, SECOND, storeCase, type ContractCase } from "../contract-case.ts";
import { equal, holds } from "../expect.ts";

export const timeCases: readonly ContractCase[] = [
  keyValueCase(0, "mode and guarantees say what the store is", async ({ store, now }) => {
    const { mode, guarantees } = store;
    holds(mode === "sync" || mode === "async", 'the mode must be "sync" or "async"');
    const answer: unknown = store.get("nothing", now);
    equal(answer instanceof Promise, mode === "async", "whether a reply is a promise");
    await answer;
    const { durability, atomic, staleMs, evicts, failoverLoss, exactOrder } = guarantees;
    holds(["none", "process", "power"].includes(durability), "`durability` must be none, process or power");
    for (const [name, flag] of Object.entries({ atomic, evicts, failoverLoss, exactOrder })) {
      equal(typeof flag, "boolean", `the type of \`${name}\``);
    }
    holds(Number.isFinite(staleMs) && staleMs >= 0, "`staleMs` must be a number of milliseconds");
  }),

  keyValueCase(
    1,
    "an entry is live until just before expiresAt, and absent from then on",
    async ({ store, now, entry }) => {
      const kept = entry("k", { expiresAt: now + SECOND });
      await stored(store, kept, now);
      for (const instant of [now, now + SECOND - 1]) {
        await isThere(store, kept, instant, "the entry before its end");
        sameHeads(await listAll(store, instant), [kept], "the listing before its end");
      }
      for (const instant of [now + SECOND, now + SECOND + 1, now + 10_000 * HOUR]) {
        await isAbsent(store, "k", instant, "the entry from its end on");
        equal(await listAll(store, instant), [], "the listing from its end on");
      }
    },
  ),

  storeCase(1, "every call that takes now draws the line at the same instant", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "ann", expiresAt: now + SECOND });
    await stored(store, kept, now);
    const to = { touchedAt: now, expiresAt: now };
    equal(await store.count(now + SECOND - 1), 1, "the count before its end");
    equal(keysOf(await listOwned(store, "ann", now + SECOND - 1)), ["k"], "the owner's listing before its end");
    equal(await store.sweep(now + SECOND - 1, 10), [], "what is swept before its end");
    equal(await store.touch("k", kept.rev, to, now + SECOND - 1), true, "a touch before its end");
    equal(await store.count(now + SECOND), 0, "the count at its end");
    equal(await listOwned(store, "ann", now + SECOND), [], "the owner's listing at its end");
    equal(await store.touch("k", kept.rev, to, now + SECOND), false, "a touch at its end");
    sameHeads(await store.sweep(now + SECOND, 10), [kept], "what is swept at its end");
  }),

  keyValueCase(1, "a put finds nothing where an entry has expired", async ({ store, now, entry }) => {
    const late = now + MINUTE;
    for (const expected of [null, "any"]) {
      const old = entry(`over ${expected}`);
      await stored(store, old, now);
      const next = entry(old.key, { expiresAt: late + MINUTE });
      sameHeads(await stored(store, next, late, expected), [old], `what a put over ${expected} removed`);
      await isThere(store, next, late, "the new entry");
    }
    const old = entry("over a rev");
    await stored(store, old, now);
    isConflict(
      await store.put(entry("over a rev"), old.rev, late),
      undefined,
      "a put over the rev of an expired entry",
    );
  }),

  keyValueCase(1, "a new entry over an expired one takes nothing from it", async ({ store, now, entry }) => {
    await stored(store, entry("k", { owner: "ann", meta: "old", touchedAt: now + SECOND }), now);
    const next = entry("k", { owner: null, touchedAt: now, expiresAt: now + MINUTE + 1 });
    await stored(store, next, now + MINUTE);
    await isThere(store, next, now + MINUTE, "the new entry");
    await isAbsent(store, "k", now + MINUTE + 1, "the new entry at its own end");
  }),

  keyValueCase(1, "what is put already expired reads as absent", async ({ store, now, entry }) => {
    await stored(store, entry("k", { expiresAt: now }), now);
    await isAbsent(store, "k", now, "the entry");
    equal(await listAll(store, now), [], "the listing");
  }),

  keyValueCase(1, "a clock that jumps forward and back is believed both times", async ({ store, now, entry }) => {
    const kept = entry("k");
    await stored(store, kept, now);
    await isAbsent(store, "k", now + 24 * HOUR, "the entry, a day later");
    await isThere(store, kept, now, "the entry, with the clock back");
    await isThere(store, kept, now - HOUR, "the entry, with the clock an hour further back");
    const earlier = entry("k", { touchedAt: now - HOUR, expiresAt: now + MINUTE });
    await stored(store, earlier, now - HOUR, kept.rev);
    equal(keysOf(await listAll(store, now - HOUR)), ["k"], "the listing with the clock back");
  }),

  storeCase(1, "totals and owners follow a clock that jumps forward and back", async ({ store, now, entry }) => {
    for (const key of ["a", "b", "c"]) await stored(store, entry(key, { owner: "ann" }), now);
    equal(await store.count(now + HOUR), 0, "the count, an hour later");
    equal(await listOwned(store, "ann", now + HOUR), [], "the owner's listing, an hour later");
    equal(await store.count(now - HOUR), 3, "the count with the clock back");
    equal(
      keysOf(await listOwned(store, "ann", now - HOUR)),
      ["a", "b", "c"],
      "the owner's listing with the clock back",
    );
    equal(await store.sweep(now - HOUR, 10), [], "what is swept with the clock back");
  }),

  keyValueCase(2, "what was never put is absent", async ({ store, now, entry }) => {
    await isAbsent(store, "k", now, "a key that was never put");
    const page = await store.list({ limit: 10 }, now);
    equal(page.items, [], "the listing of an empty store");
    await stored(store, entry("kk"), now);
    await isAbsent(store, "k", now, "a key that begins another");
    await isAbsent(store, "KK", now, "a key in other letters");
  }),

  storeCase(2, "reading changes nothing, however late it reads", async ({ store, now, entry }) => {
    const first = entry("a", { owner: "ann" });
    const second = entry("b", { owner: "ann" });
    await stored(store, first, now);
    await stored(store, second, now);
    for (const instant of [now, now + HOUR, now]) {
      await store.get("a", instant);
      await store.count(instant);
      await listAll(store, instant);
      await listOwned(store, "ann", instant);
      await store.touch("a", "another rev", { touchedAt: now, expiresAt: now }, instant);
    }
    await isThere(store, first, now, "an entry that was read");
    await isThere(store, second, now, "an entry that was listed");
    sameHeads(await sweepAll(store, now + HOUR), [first, second], "what a sweep finds after reading");
  }),

  storeCase(2, "an owner's listing holds whole entries, of that owner alone", async ({ store, now, entry }) => {
    const mine = [entry("a", { owner: "ann", meta: "m" }), entry("b", { owner: "ann", value: new Uint8Array([1, 2]) })];
    const others = [entry("c", { owner: "ann2" }), entry("d", { owner: "Ann" }), entry("e"), entry("ann")];
    for (const each of [...mine, ...others]) await stored(store, each, now);
    const found = await listOwned(store, "ann", now);
    equal(keysOf(found), ["a", "b"], "the keys of the owner's entries");
    for (const each of mine)
      sameEntry(
        found.find(({ key }) => key === each.key),
        each,
        "a listed entry",
      );
    equal(await listOwned(store, "nobody", now), [], "the listing of an unknown owner");
  }),
];
