/** Rule 11: pages. */
import { everyPage, keysOf, listAll, listOwned, stored } from "../ask.ts";
import { HOUR, keyValueCase, SECOND, storeCase, type ContractCase, type Scene } from "../contract-case.ts";
import { equal, holds } from "../expect.ts";
import type { Entry, Head, KeyValue, Page } from "../../store/store.ts";

async function fill<S extends KeyValue>(
  { store, now, entry }: Scene<S>,
  count: number,
  owner?: string,
): Promise<string[]> {
  const keys = Array.from({ length: count }, (_, index) => `k${(index * 11) % count}`.padEnd(1 + (index % 5) * 3, "x"));
  for (const key of keys) await stored(store, entry(key, { owner: owner ?? null }), now);
  return keys.sort();
}

/** Expects that the keys which were there all the time are listed once, and no key twice. */
function onceEach(heads: readonly Head[], stayed: readonly string[], what: string): void {
  const keys = keysOf(heads);
  equal(keys, [...new Set(keys)], `${what}, without repetition`);
  equal(
    keys.filter((key) => stayed.includes(key)),
    [...stayed].sort(),
    `${what}, of the keys that stayed`,
  );
}

const strange = [
  "%",
  "_",
  "*",
  "?",
  "[a]",
  "\\",
  "'",
  '"',
  "a%",
  "a_b",
  "aXb",
  "A",
  "a",
  "ab",
  "a\u0301",
  "á",
  "k*",
  "^",
  "$",
];
const high = [
  "p",
  "p\u007F",
  "p\u0080",
  "p\uD7FF",
  "p\uE000",
  "p\uFFFD",
  "p\uFFFF",
  "p\u{1F600}",
  "p\u{10FFFF}",
  "p\u{10FFFF}z",
  "q",
];

export const pageCases: readonly ContractCase[] = [
  keyValueCase(11, "pages of any size list everything exactly once", async (scene) => {
    const keys = await fill(scene, 24);
    for (const limit of [1, 5, 8, 23, 24, 25, 1_000]) {
      equal(keysOf(await listAll(scene.store, scene.now, { limit })), keys, `the listing in pages of ${limit}`);
    }
  }),

  keyValueCase(11, "an empty store has one listing, and it ends", async ({ store, now }) => {
    equal(await listAll(store, now, { limit: 1 }), [], "the listing");
    equal(await listAll(store, now, { limit: 1, prefix: "k" }), [], "the listing with a prefix");
  }),

  keyValueCase(11, "expired entries take no place in a listing", async ({ store, now, entry }) => {
    for (let index = 0; index < 12; index++) {
      await stored(store, entry(`k${index}`, { expiresAt: now + (index % 2 === 0 ? 1 : HOUR) }), now);
    }
    for (const limit of [1, 4, 100]) {
      const keys = keysOf(await listAll(store, now + SECOND, { limit }));
      equal(keys, ["k1", "k11", "k3", "k5", "k7", "k9"], `the listing in pages of ${limit}`);
    }
  }),

  keyValueCase(11, "a prefix is taken letter by letter", async ({ store, now, entry }) => {
    for (const key of [...strange, ...high]) await stored(store, entry(key), now);
    for (const prefix of [...strange, ...high, "zz", "a%%", "p\uFFFF0"]) {
      const expected = [...strange, ...high].filter((key) => key.startsWith(prefix)).sort();
      equal(keysOf(await listAll(store, now, { limit: 3, prefix })), expected, `the keys that begin with ${prefix}`);
    }
    equal((await listAll(store, now, { prefix: "" })).length, strange.length + high.length, "the keys under no prefix");
  }),

  keyValueCase(11, "what stays is listed once while others come and go", async (scene) => {
    const { store, now, entry } = scene;
    for (const limit of [1, 3]) {
      const keys = await fill(scene, 20);
      const stayed = keys.filter((_, index) => index % 3 !== 0);
      const goes = keys.filter((_, index) => index % 3 === 0);
      const between = async (page: number): Promise<void> => {
        const [going] = goes.splice(page % 2 === 0 ? 0 : -1, 1);
        if (going !== undefined) await store.delete(going);
        if (page < 20) await stored(store, entry(`${page % 2 === 0 ? "a" : "z"}${page}`), now);
      };
      onceEach(await listAll(store, now, { limit, between }), stayed, `the listing in pages of ${limit}`);
      for (const { key } of await listAll(store, now)) await store.delete(key);
    }
  }),

  keyValueCase(11, "a page goes on after the last one, also if all of it was deleted", async (scene) => {
    const { store, now } = scene;
    const keys = await fill(scene, 9);
    const seen: Head[] = [];
    const page = async (after: string | undefined): Promise<Page<Head>> => {
      const answer = await store.list({ after, limit: 2 }, now);
      seen.push(...answer.items);
      for (const { key } of answer.items) await store.delete(key);
      return answer;
    };
    await everyPage(page, 2);
    equal(keysOf(seen), keys, "the keys that were listed");
  }),

  storeCase(11, "an entry that is changed or touched between pages is listed once", async (scene) => {
    const { store, now, entry } = scene;
    const keys = await fill(scene, 12, "ann");
    const between = async (): Promise<void> => {
      for (const key of keys) {
        const there = await store.get(key, now);
        holds(there !== undefined, "the entry must be there");
        const next = entry(key, { owner: "ann", expiresAt: (there?.expiresAt ?? now) + SECOND });
        await stored(store, next, now, there?.rev);
        await store.touch(key, next.rev, { touchedAt: now + 1, expiresAt: next.expiresAt + SECOND }, now);
      }
    };
    equal(keysOf(await listAll(store, now, { limit: 5, between })), keys, "the listing");
    equal(keysOf(await listOwned(store, "ann", now, { limit: 5, between })), keys, "the owner's listing");
  }),

  storeCase(11, "an owner's pages list everything exactly once", async (scene) => {
    const { store, now, entry } = scene;
    for (let index = 0; index < 10; index++) await stored(store, entry(`b${index}`, { owner: "bob" }), now);
    const keys = await fill(scene, 14, "ann");
    for (const limit of [1, 3, 7, 14, 1_000]) {
      equal(keysOf(await listOwned(store, "ann", now, { limit })), keys, `the owner's listing in pages of ${limit}`);
    }
  }),

  storeCase(11, "what stays with an owner is listed once while others come and go", async (scene) => {
    const { store, now, entry } = scene;
    const keys = await fill(scene, 20, "ann");
    const stayed = keys.filter((_, index) => index % 3 !== 0);
    const goes = keys.filter((_, index) => index % 3 === 0);
    const between = async (page: number): Promise<void> => {
      const going = goes.shift();
      const there: Entry | undefined = going === undefined ? undefined : await store.get(going, now);
      if (there !== undefined && page % 2 === 0) await store.delete(there.key);
      if (there !== undefined && page % 2 === 1)
        await stored(store, entry(there.key, { owner: "bob" }), now, there.rev);
      if (page < 20) await stored(store, entry(`${page % 2 === 0 ? "a" : "z"}${page}`, { owner: "ann" }), now);
    };
    onceEach(await listOwned(store, "ann", now, { limit: 1, between }), stayed, "the owner's listing");
  }),
];
