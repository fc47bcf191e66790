/** Rule 17: who watches is told of every entry that goes, once. A store that cannot tell has no part in it. */
import { headOf, stored, sweepAll } from "../ask.ts";
import { HOUR, MINUTE, SECOND, storeCase, twoStoresCase, type ContractCase, type Scene } from "../contract-case.ts";
import { equal, fails, holds, refuses } from "../expect.ts";
import { MAX_NOTE_LENGTH, REPLACED, type Head, type Removed, type Store } from "../../store/store.ts";

/** A watch, and what it was told. */
interface Told {
  /** Everything so far, proven to be complete; not in the order in which it was told. */
  all(): Promise<readonly string[]>;
  /** The revs of a key's heads, in the order in which they were told. */
  revsOf(key: string): readonly string[];
  confirm(): Promise<void>;
  close(): Promise<void>;
}

/** `undefined` where the store cannot tell. */
async function watching(store: Store): Promise<Told | undefined> {
  const watch = store.watchRemovals?.((one) => told.push(one));
  if (watch === undefined) return undefined;
  const told: (Removed | null)[] = [];
  await watch.confirm();
  // What it says of the time before it was first proven concerns nobody here.
  told.length = 0;
  return {
    async all() {
      await watch.confirm();
      return told.map((one) => (one === null ? "null" : textOf(one.head, one.note))).sort();
    },
    revsOf: (key) => told.flatMap((one) => (one?.head.key === key ? one.head.rev : [])),
    confirm: async () => watch.confirm(),
    close: async () => watch.close(),
  };
}

function textOf(head: Head, note: string): string {
  return JSON.stringify([headOf(head), note]);
}

async function tells(told: Told, expected: readonly (readonly [head: Head, note: string])[], what: string) {
  equal(await told.all(), expected.map(([head, note]) => textOf(head, note)).sort(), what);
}

/** Makes entries go in every way there is, and answers with what is to be told of them. */
async function removeInEveryWay({ now, entry }: Scene<Store>, store: Store): Promise<(readonly [Head, string])[]> {
  const late = now + MINUTE;
  const made = {
    deleted: entry("deleted", { owner: "ann", meta: "m" }),
    noted: entry("noted"),
    expired: entry("expired", { expiresAt: now + 1 }),
    revoked: entry("revoked", { owner: "bob" }),
    other: entry("other", { owner: "bob", expiresAt: now + SECOND }),
    replaced: entry("replaced", { owner: "ann", expiresAt: late + HOUR }),
    over: entry("over", { expiresAt: now + SECOND }),
    swept: entry("swept", { expiresAt: late }),
    stays: entry("stays", { owner: "cat", expiresAt: late + HOUR }),
  };
  // One that a put may reclaim is put last, so that no put does.
  for (const each of Object.values(made)) await stored(store, each, now - HOUR);
  await store.delete("deleted");
  await store.delete("noted", "logout 1767225600000 ~");
  // What the delete is given counts, also where the time was up.
  await store.delete("expired", "late");
  await store.revokeOwner("bob", undefined, "revoked");
  const second = entry("replaced", { owner: "ann", expiresAt: late + HOUR });
  await stored(store, second, now, "any");
  const over = entry("over", { expiresAt: late + HOUR });
  await stored(store, over, now + SECOND, null);
  await sweepAll(store, late, 3);
  return [
    [made.deleted, ""],
    [made.noted, "logout 1767225600000 ~"],
    [made.expired, "late"],
    [made.revoked, "revoked"],
    [made.other, "revoked"],
    [made.replaced, REPLACED],
    [made.over, ""],
    [made.swept, ""],
  ];
}

/** What changes without anything going. */
async function changeInEveryWay({ now, entry }: Scene<Store>, store: Store): Promise<void> {
  const first = entry("k", { owner: "ann" });
  await stored(store, first, now);
  await stored(store, first, now);
  await store.put(entry("k"), null, now);
  await store.touch("k", first.rev, { touchedAt: now + 1, expiresAt: now + HOUR }, now);
  await stored(store, entry("k", { owner: "dan", expiresAt: now + HOUR }), now, first.rev);
  await store.delete("nothing", "note");
  await store.revokeOwner("ann", undefined, "note");
  await store.revokeOwner("dan", "k", "note");
  await sweepAll(store, now);
}

export const watchCases: readonly ContractCase[] = [
  storeCase(17, "a store that tells of removals says how soon, and one that cannot says so", async ({ store }) => {
    const { removalsMs } = store.guarantees;
    holds(typeof removalsMs === "number" && removalsMs >= 0, "`removalsMs` must be a number of milliseconds");
    equal(Number.isFinite(removalsMs), store.watchRemovals !== undefined, "whether `removalsMs` is finite");
  }),

  storeCase(17, "whoever watches is told of everything that goes, with its note, once", async (scene) => {
    const { store } = scene;
    const told = await watching(store);
    if (told === undefined) return;
    const gone = await removeInEveryWay(scene, store);
    await tells(told, gone, "what was told");
    await store.delete("deleted", "again");
    await tells(told, gone, "what was told after a repeat, and a second proof");
    await told.close();
  }),

  storeCase(17, "changes and touches are not told", async (scene) => {
    const told = await watching(scene.store);
    if (told === undefined) return;
    await changeInEveryWay(scene, scene.store);
    await tells(told, [], "what was told");
    await told.close();
  }),

  storeCase(17, "what a put reclaims is told as what has expired", async ({ store, now, entry }) => {
    const told = await watching(store);
    if (told === undefined) return;
    const ended = Array.from({ length: 12 }, (_, index) => entry(`k${index}`, { expiresAt: now + index + 1 }));
    for (const each of ended) await stored(store, each, now);
    for (let round = 0; round < 6; round++) {
      await stored(store, entry(`new ${round}`, { expiresAt: now + HOUR }), now + MINUTE);
    }
    await sweepAll(store, now + MINUTE, 5);
    await tells(
      told,
      ended.map((each) => [each, ""] as const),
      "what was told",
    );
    await told.close();
  }),

  storeCase(17, "the heads of one key come in the order in which they went", async ({ store, now, entry }) => {
    const told = await watching(store);
    if (told === undefined) return;
    const made = Array.from({ length: 10 }, () => entry("k", { owner: "ann" }));
    for (const [index, each] of made.entries()) {
      await stored(store, each, now, "any");
      if (index % 3 === 2) await store.delete("k", "note");
    }
    await store.revokeOwner("ann", undefined, "note");
    await told.confirm();
    equal(
      told.revsOf("k"),
      made.map(({ rev }) => rev),
      "the revs in the order in which they were told",
    );
    await told.close();
  }),

  storeCase(17, "a head is told with its last state, whatever is in it", async ({ store, now, entry }) => {
    const told = await watching(store);
    if (told === undefined) return;
    const first = entry("sess_é😀%_\u0000'\"", { owner: "öwner\u0000", meta: "µ".repeat(512) });
    await stored(store, first, now);
    const second = { ...first, rev: "rev-é", owner: "__proto__", meta: "{}", createdAt: now - 7 };
    await stored(store, second, now, first.rev);
    const to = { touchedAt: now + SECOND, expiresAt: now + HOUR };
    await store.touch(second.key, second.rev, to, now);
    const note = `${" ~".repeat(MAX_NOTE_LENGTH / 2 - 1)}"'`;
    await store.delete(second.key, note);
    await tells(told, [[{ ...second, ...to }, note]], "what was told");
    await told.close();
  }),

  storeCase(17, "every watch is told, until it is closed", async ({ store, now, entry }) => {
    const one = await watching(store);
    const other = await watching(store);
    if (one === undefined || other === undefined) return;
    const [first, second] = [entry("first"), entry("second")];
    for (const each of [first, second]) await stored(store, each, now);
    await store.delete("first", "1");
    await tells(one, [[first, "1"]], "what the first watch was told");
    await tells(other, [[first, "1"]], "what the second watch was told");
    await one.close();
    await one.close();
    await store.delete("second", "2");
    await tells(
      other,
      [
        [first, "1"],
        [second, "2"],
      ],
      "what the open watch was told then",
    );
    equal(one.revsOf("second"), [], "what the closed one was told then");
    await fails(() => one.confirm(), "store_closed", "the proof of a watch that is closed");
    await other.close();
  }),

  storeCase(17, "many that go at once are told, each once", async ({ store, now, entry }) => {
    const told = await watching(store);
    if (told === undefined) return;
    const made = Array.from({ length: 60 }, (_, index) => entry(`k${index}`, { owner: "ann", expiresAt: now + index }));
    for (const each of made) await stored(store, each, now - HOUR);
    await Promise.all([
      store.sweep(now + MINUTE, 10),
      ...made.slice(20, 40).map(async ({ key }) => store.delete(key)),
      store.sweep(now + MINUTE, 10),
      store.revokeOwner("ann"),
    ]);
    await tells(
      told,
      made.map((each) => [each, ""] as const),
      "what was told",
    );
    await told.close();
  }),

  storeCase(17, "whoever is told may call the store", async ({ store, now, entry }) => {
    const ask = async (): Promise<unknown> => {
      const after = await store.get("k", now);
      const put = await store.put(entry("next", { owner: "ann" }), null, now);
      return [after, put.outcome, (await store.delete("next"))?.owner];
    };
    const seen: Promise<unknown>[] = [];
    const watch = store.watchRemovals?.((removed) => {
      if (removed?.head.key === "k") seen.push(ask().catch(String));
    });
    if (watch === undefined) return;
    await watch.confirm();
    await stored(store, entry("k"), now);
    await store.delete("k");
    await watch.confirm();
    equal(await Promise.all(seen), [[undefined, "stored", "ann"]], "what the store answers to whoever was told");
    await watch.close();
  }),

  storeCase(17, "a note is at most 64 characters of printable ASCII", async ({ store, now, entry }) => {
    if (store.watchRemovals === undefined) return;
    const kept = entry("k", { owner: "ann" });
    await stored(store, kept, now);
    for (const bad of ["n".repeat(MAX_NOTE_LENGTH + 1), "é", "\n", "\u0000", "\u007f", 5, null, {}]) {
      const note = bad as string;
      await refuses(() => store.delete("k", note), `delete with the note ${JSON.stringify(bad)}`);
      await refuses(
        () => store.revokeOwner("ann", undefined, note),
        `revokeOwner with the note ${JSON.stringify(bad)}`,
      );
    }
    equal((await store.get("k", now))?.rev, kept.rev, "what is there after the calls that were refused");
  }),

  storeCase(17, "a closed store proves nothing, and tells nothing more", async ({ store }) => {
    const told = await watching(store);
    if (told === undefined) return;
    await store.close();
    await fails(() => told.confirm(), "store_closed", "the proof of a store that is closed");
    await fails(() => store.watchRemovals?.(() => {}), "store_closed", "a watch of a store that is closed");
    await told.close();
  }),

  twoStoresCase(17, "what goes through one store is told by another, and the other way round", async (scene) => {
    const { store: one, open } = scene;
    const other = await open();
    const told = [await watching(one), await watching(other)];
    for (const [index, store] of [one, other, one].entries()) {
      const gone = await removeInEveryWay(scene, store);
      await store.delete("stays");
      for (const watch of told) {
        if (watch === undefined) return;
        const all = await watch.all();
        for (const [head, note] of gone) {
          const text = textOf(head, note);
          equal(all.filter((each) => each === text).length, 1, `how often ${text} was told, in round ${index}`);
        }
        holds(!all.includes("null"), "with nothing in the way, nothing may be missing");
      }
      await store.delete("replaced");
      await store.delete("over");
    }
    for (const watch of told) await watch?.close();
  }),

  twoStoresCase(17, "what goes through two stores at once is told by both, each once", async (scene) => {
    const { store: one, open, now, entry } = scene;
    const other = await open();
    const told = [await watching(one), await watching(other)];
    const made = Array.from({ length: 60 }, (_, index) => entry(`k${index}`, { owner: "ann" }));
    for (const each of made) await stored(one, each, now);
    await Promise.all(made.map(async ({ key }, index) => [one, other][index % 2]?.delete(key, `n ${key}`)));
    for (const watch of told) {
      if (watch === undefined) return;
      await tells(
        watch,
        made.map((each) => [each, `n ${each.key}`] as const),
        "what was told",
      );
      await watch.close();
    }
  }),

  twoStoresCase(17, "a watch tells nothing of another namespace", async ({ store: one, open, now, entry }) => {
    const other = await open("a-b");
    const told = await watching(one);
    if (told === undefined) return;
    await stored(other, entry("k", { owner: "ann" }), now);
    await stored(other, entry("l", { owner: "ann" }), now);
    await other.delete("k", "note");
    await other.revokeOwner("ann", undefined, "note");
    await tells(told, [], "what was told");
    await told.close();
  }),
];
