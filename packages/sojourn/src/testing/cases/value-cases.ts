/** Rules 3 and 13: what is stored comes back as it was given, and nothing of it is shared. */
import { headOf, isThere, listAll, listOwned, sameEntry, sameHeads, stored } from "../ask.ts";
import { HOUR, keyValueCase, SECOND, storeCase, type ContractCase } from "../contract-case.ts";
import { equal } from "../expect.ts";
import { MAX_KEY_BYTES, MAX_META_BYTES, type Entry } from "../../store/store.ts";

/** Text that codecs, query languages and patterns stumble over. */
const texts = [
  " ",
  "😀 astral",
  "e\u0301 combining, é composed",
  `'single' "double" \`back\``,
  "100%_*?[a-z]\\",
  "; DROP TABLE entries; --",
  "a:b/c{d}|e",
  "\u202Eright to left",
  "\uFEFFmark",
  "line\nbreak\ttab",
  "null",
  "undefined",
  "0",
  "1e3",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
];

/** Changes a part of something that was given or returned, if it lets itself be changed. */
function scribble(target: object | undefined): void {
  for (const key of Object.keys(target ?? {})) {
    const part: unknown = Reflect.get(target as object, key);
    if (part instanceof Uint8Array) part.fill(99);
    else if (key !== "memo") Reflect.set(target as object, key, "scribble");
  }
}

export const valueCases: readonly ContractCase[] = [
  keyValueCase(3, "text of every kind comes back as it was, in every part", async ({ store, now, entry }) => {
    const made = texts.map((text) => entry(text, { owner: text, rev: `rev of ${text}`, meta: text, value: text }));
    for (const each of made) await stored(store, each, now);
    for (const each of made) await isThere(store, each, now, "the entry");
    sameHeads(await listAll(store, now, { limit: 3 }), made, "the listing");
    for (const each of made) {
      const head = await store.delete(each.key);
      sameHeads(head === undefined ? [] : [head], [each], "the deleted head");
    }
  }),

  storeCase(3, "owners of every kind are told apart", async ({ store, now, entry }) => {
    for (const owner of texts) await stored(store, entry(`of ${owner}`, { owner }), now);
    for (const owner of texts) {
      equal(
        (await listOwned(store, owner, now)).map(({ key }) => key),
        [`of ${owner}`],
        `the listing of ${owner}`,
      );
      const begun = store.begin();
      equal((await store.revokeOwner(owner)).length, 1, `how many a revocation of ${owner} removed`);
      equal((await store.put(entry("k", { owner }), null, now, begun)).outcome, "revoked", `an insert for ${owner}`);
    }
  }),

  keyValueCase(3, "prototype names that were never put are not there", async ({ store, now }) => {
    for (const key of ["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"]) {
      equal(await store.get(key, now), undefined, `the entry under ${key}`);
      equal(await store.delete(key), undefined, `the delete of ${key}`);
    }
  }),

  keyValueCase(3, "a value comes back with its bytes and as the type that it had", async ({ store, now, entry }) => {
    const every = Uint8Array.from({ length: 256 }, (_, index) => index);
    const large = Uint8Array.from({ length: 262_144 }, (_, index) => (index * 31) % 256);
    const values = [
      "",
      "nul \0 inside",
      "text",
      "x".repeat(262_144),
      new Uint8Array(),
      every,
      every.subarray(100, 103),
      large,
    ];
    for (const [index, value] of values.entries()) {
      const kept = entry(`k${index}`, { value });
      await stored(store, kept, now);
      await isThere(store, kept, now, `value ${index}`);
      const changed = entry(`k${index}`, { value: typeof value === "string" ? new Uint8Array([1]) : "text" });
      await stored(store, changed, now, kept.rev);
      await isThere(store, changed, now, `value ${index} after a change of type`);
    }
  }),

  keyValueCase(3, "the largest key, the largest meta and instants far away are kept", async ({ store, now, entry }) => {
    const far = { createdAt: 0, touchedAt: -1, expiresAt: Number.MAX_SAFE_INTEGER };
    const made = [
      entry("k".repeat(MAX_KEY_BYTES), { meta: "m".repeat(MAX_META_BYTES) }),
      entry("😀".repeat(MAX_KEY_BYTES / 4), { meta: "😀".repeat(MAX_META_BYTES / 4) }),
      entry("far", far),
      entry("owned", { owner: "o".repeat(256) }),
    ];
    for (const each of made) await stored(store, each, now);
    for (const each of made) await isThere(store, each, now, "the entry");
    sameHeads(await listAll(store, now), made, "the listing");
  }),

  keyValueCase(13, "what was given can be changed afterwards", async ({ store, now, entry }) => {
    const kept = entry("k", { value: new Uint8Array([1, 2, 3]) });
    const given = { ...kept, value: new Uint8Array([1, 2, 3]) };
    await stored(store, given, now);
    scribble(given);
    await isThere(store, kept, now, "the entry after what was given has changed");
  }),

  keyValueCase(13, "what get, list and a conflict return can be changed", async ({ store, now, entry }) => {
    const kept = entry("k", { value: new Uint8Array([1, 2, 3]) });
    await stored(store, kept, now);
    scribble(await store.get("k", now));
    const { items } = await store.list({ limit: 10 }, now);
    scribble(items[0]);
    scribble(items);
    const put = await store.put(entry("k"), null, now);
    if (put.outcome === "conflict") scribble(put.current);
    await isThere(store, kept, now, "the entry after what was returned has changed");
    sameHeads(await listAll(store, now), [kept], "the listing after it");
  }),

  storeCase(13, "what an owner's listing and the removals return can be changed", async ({ store, now, entry }) => {
    const bytes = new Uint8Array([1, 2, 3]);
    const [first, second] = [entry("a", { owner: "ann", value: bytes }), entry("b", { owner: "ann" })];
    for (const each of [first, second]) await stored(store, each, now);
    const { items } = await store.listByOwner("ann", { limit: 10 }, now);
    for (const each of items) scribble(each);
    scribble(items);
    await isThere(
      store,
      { ...first, value: new Uint8Array([1, 2, 3]) },
      now,
      "the entry after the listing has changed",
    );
    const replaced = entry("b", { owner: "ann" });
    const removed = await stored(store, replaced, now, "any");
    scribble(removed[0]);
    scribble(removed);
    await isThere(store, replaced, now, "the entry after the removals have changed");
    equal((await listOwned(store, "ann", now)).length, 2, "how many the owner has");
  }),

  storeCase(13, "what was returned stays as it is, whatever happens to the entry", async ({ store, now, entry }) => {
    const kept = entry("k", { owner: "ann", value: new Uint8Array([1, 2, 3]) });
    await stored(store, kept, now);
    const read = await store.get("k", now);
    const listed = (await store.listByOwner("ann", { limit: 10 }, now)).items[0];
    const heads = (await store.list({ limit: 10 }, now)).items;
    await store.touch("k", kept.rev, { touchedAt: now + SECOND, expiresAt: now + HOUR }, now);
    await stored(store, entry("k", { owner: "bob", value: "second" }), now, kept.rev);
    await store.delete("k");
    sameEntry(read, kept, "the entry that get returned");
    sameEntry(listed, kept, "the entry that was listed");
    sameHeads(heads, [headOf(kept)], "the heads that were listed");
  }),

  storeCase(13, "a memo lives and dies with one state of its entry", async ({ store, now, entry }) => {
    const first: Entry = entry("k", { memo: { decoded: "brought" } });
    const memoIs = async (expected: unknown, what: string): Promise<void> =>
      equal((await store.get("k", now))?.memo?.decoded, expected, `the memo ${what}`);
    const remember = async (): Promise<void> => {
      const there = await store.get("k", now);
      if (there?.memo !== undefined) there.memo.decoded = "remembered";
    };
    await stored(store, first, now);
    await memoIs(undefined, "that a put brought");
    await remember();
    await store.touch("k", first.rev, { touchedAt: now + SECOND, expiresAt: now + HOUR }, now);
    await memoIs(undefined, "after a touch");
    await remember();
    const there = (await store.get("k", now)) ?? first;
    await stored(store, { ...there, rev: "next", value: "next" }, now, first.rev);
    await memoIs(undefined, "after a change that brought it along");
    await remember();
    await store.delete("k");
    await stored(store, entry("k"), now);
    await memoIs(undefined, "of the entry before");
  }),
];
