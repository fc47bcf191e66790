/** Time, keys and listings. */
import fc from "fast-check";
import { equal, fails, holds } from "../../../src/testing/expect.ts";
import { allKeys, DAY_SECONDS, storageCase, type StorageCase } from "./storage-case.ts";

const odd = [
  " ",
  ".",
  "..",
  "/",
  "a/b",
  "../a",
  "%2F",
  "%",
  "a?b#c&d=e+f",
  "*",
  "_",
  "[a]",
  "\\",
  "'",
  '"',
  "a",
  "A",
  "a\u0301",
  "á",
  "\u0001\n\t",
  "\u202E",
  "\uFEFF",
  "😀",
  "\u{10FFFF}",
  "\uFFFF",
  "constructor",
  "__proto__",
  "session:1",
  "session:10",
  "session",
];

/** Any key that is one: of well-formed Unicode without NUL. */
const key = (maxBytes: number): fc.Arbitrary<string> =>
  fc
    .string({ unit: "binary", minLength: 1, maxLength: 200 })
    .filter((text) => !text.includes("\0") && new TextEncoder().encode(text).length <= maxBytes);

export const keyCases: readonly StorageCase[] = [
  storageCase("a key lives for the storage's ttl, or for its own, to the millisecond", async ({ kv, clock }) => {
    await kv.put("short", "s", { ttlSeconds: 1 });
    await kv.put("day", "d", { ttlSeconds: undefined });
    await kv.put("month", "m", { ttlSeconds: 30 * DAY_SECONDS });
    const there = async (): Promise<(string | undefined)[]> =>
      Promise.all(["short", "day", "month"].map(async (name) => (await kv.get(name))?.text()));
    clock.advance(999);
    equal(await there(), ["s", "d", "m"], "just before the first end");
    clock.advance(1);
    equal(await there(), [undefined, "d", "m"], "at the first end");
    equal(await kv.head("short"), null, "the head at the first end");
    equal(await allKeys(kv), ["day", "month"], "the listing at the first end");
    clock.advance((DAY_SECONDS - 1) * 1_000 - 1);
    equal(await there(), [undefined, "d", "m"], "just before the storage's ttl");
    clock.advance(1);
    equal(await there(), [undefined, undefined, "m"], "at the storage's ttl");
    clock.advance(29 * DAY_SECONDS * 1_000 - 1);
    equal(await there(), [undefined, undefined, "m"], "just before the last end");
    clock.advance(1);
    equal(await there(), [undefined, undefined, undefined], "at the last end");
    equal(await allKeys(kv), [], "the listing in the end");
    equal(await kv.delete("month"), false, "whether a delete finds what has expired");
  }),

  storageCase("without any ttl a key does not expire", async ({ open, clock }) => {
    const kv = open({ ttlSeconds: undefined });
    equal((await kv.put("k", "v")).expiresAt, null, "the end that put tells");
    clock.advance("52000w");
    equal((await kv.head("k"))?.expiresAt, null, "the end after a thousand years");
    equal((await kv.list()).keys, [{ name: "k", expiresAt: null, metadata: null }], "the listing");
    equal(
      (await kv.put("k", "v", { ttlSeconds: 31_536_000_000 })).expiresAt,
      clock.now() + 31_536_000_000_000,
      "the longest",
    );
  }),

  storageCase("a put replaces everything, and starts the ttl anew", async ({ kv, clock }) => {
    await kv.put("k", "one", { ttlSeconds: 100, contentType: "a/b", metadata: { a: 1 } });
    clock.advance("99s");
    await kv.put("k", "two", { ttlSeconds: 100 });
    clock.advance("99s");
    const handle = await kv.get("k");
    equal([await handle?.text(), handle?.contentType, handle?.metadata], ["two", null, null], "what is there");
    await kv.put("k", "three", { ttlSeconds: 1 });
    clock.advance("1s");
    equal(await kv.get("k"), null, "after a put with less time");
  }),

  storageCase("ifNotExists stores once, and again after a delete or an end", async ({ kv, clock }) => {
    const first = await kv.put("k", "first", { ifNotExists: true, ttlSeconds: 60 });
    const error = await kv.put("k", "second", { ifNotExists: true }).then(
      () => undefined,
      (reason: unknown) => reason as Error & { code: string; status: number },
    );
    equal([error?.code, error?.status], ["storage_key_already_exists", 409], "the error");
    equal((await kv.head("k"))?.etag, first.etag, "what is there");
    equal(await (await kv.get("k"))?.text(), "first", "the value that is there");
    clock.advance("1m");
    await kv.put("k", "third", { ifNotExists: true });
    await kv.delete("k");
    await kv.put("k", "fourth", { ifNotExists: true });
    equal(await (await kv.get("k"))?.text(), "fourth", "the value in the end");
  }),

  storageCase("of many ifNotExists at once one succeeds, where the store's calls are single steps", async ({ kv }) => {
    const puts = Array.from({ length: 20 }, async (_, index) => kv.put("k", `${index}`, { ifNotExists: true }));
    const settled = await Promise.allSettled(puts);
    const winners = settled.flatMap((put, index) => (put.status === "fulfilled" ? [`${index}`] : []));
    if (kv.guarantees.atomic) equal(winners.length, 1, "how many succeeded");
    const there = (await (await kv.get("k"))?.text()) ?? "";
    holds(winners.includes(there), "one of those that succeeded must be there");
    const codes = settled.flatMap((put) => (put.status === "rejected" ? [(put.reason as { code: string }).code] : []));
    for (const code of codes) equal(code, "storage_key_already_exists", "the error of another");
  }),

  storageCase("delete answers whether the key was there", async ({ kv }) => {
    equal(await kv.delete("k"), false, "a delete of nothing");
    await kv.put("k", "v");
    equal([await kv.delete("k"), await kv.delete("k")], [true, false], "two deletes");
    equal(await kv.get("k"), null, "what is there");
  }),

  storageCase("names and namespaces do not see each other", async ({ open }) => {
    const run = crypto.randomUUID();
    const parts = [
      ["a", run],
      ["a", `${run}.b`],
      [`a-${run}`, run],
      ["a-", run],
      ["A", run],
    ] as const;
    const all = parts.map(([namespace, name]) => open({ namespace, name }));
    for (const [index, kv] of all.entries()) await kv.put("k", `${index}`);
    for (const [index, kv] of all.entries()) {
      equal(await (await kv.get("k"))?.text(), `${index}`, `the value in storage ${index}`);
      equal(await allKeys(kv), ["k"], `the keys in storage ${index}`);
    }
    await all[0]!.put(".b:k", "mine");
    await all[0]!.delete("k");
    for (const [index, kv] of all.slice(1).entries()) {
      equal(await (await kv.get("k"))?.text(), `${index + 1}`, `the value in storage ${index + 1} after a delete`);
    }
    const again = open({ namespace: "a", name: run });
    equal(await allKeys(again), [".b:k"], "the keys of a storage that was opened again");
  }),

  storageCase("keys of every kind are told apart, and listed as they were", async ({ kv }) => {
    const keys = [...odd, "k".repeat(kv.maxKeyBytes)];
    for (const each of keys) await kv.put(each, each);
    for (const each of keys) equal(await (await kv.get(each))?.text(), each, "the value");
    for (const limit of [1, 7, 1_000]) equal(await allKeys(kv, "", limit), [...keys].sort(), `pages of ${limit}`);
    for (const prefix of [...odd, "zz", "session:1", "k".repeat(kv.maxKeyBytes), "k".repeat(600)]) {
      const expected = keys.filter((each) => each.startsWith(prefix)).sort();
      equal(await allKeys(kv, prefix, 2), expected, `the keys that begin with ${prefix}`);
    }
    for (const each of keys) equal(await kv.delete(each), true, "the delete");
    equal(await allKeys(kv), [], "what is left");
  }),

  storageCase("random keys and prefixes agree with a Map", async ({ open }) => {
    const anyKey = key(400);
    const property = fc.asyncProperty(fc.uniqueArray(anyKey, { maxLength: 6 }), anyKey, async (keys, other) => {
      const kv = open();
      const model = new Map<string, string>();
      for (const each of [...keys, other]) {
        await kv.put(each, `v${each}`);
        model.set(each, `v${each}`);
      }
      equal(await kv.delete(other), true, "the delete");
      model.delete(other);
      for (const [name, value] of model) equal(await (await kv.get(name))?.text(), value, "the value");
      const prefix = Array.from(other).slice(0, 1).join("");
      for (const wanted of ["", prefix]) {
        const expected = [...model.keys()].filter((name) => name.startsWith(wanted)).sort();
        equal(await allKeys(kv, wanted, 3), expected, "the listing");
      }
    });
    await fc.assert(property, { numRuns: 30 });
  }),

  storageCase("any string at all is a key that works, or is refused and leaves nothing", async ({ kv }) => {
    const units = fc.array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd800, max: 0xdfff }), fc.nat(0x7f)), {
      maxLength: 8,
    });
    const property = fc.asyncProperty(units, async (codes) => {
      const text = String.fromCharCode(...codes);
      const isKey = text !== "" && text.isWellFormed() && !text.includes("\0");
      if (isKey) {
        await kv.put(text, text);
        equal(await (await kv.get(text))?.text(), text, "the value");
        equal(await allKeys(kv), [text], "the listing");
        equal(await kv.delete(text), true, "the delete");
      } else await fails(async () => kv.put(text, text), "storage_invalid_key", "the put");
      equal(await allKeys(kv), [], "what is left");
    });
    await fc.assert(property, { numRuns: 100 });
  }),

  storageCase("a key that cannot be is absent, and no put takes it", async ({ kv }) => {
    const long = "k".repeat(kv.maxKeyBytes + 1);
    const wide = "é".repeat(Math.ceil((kv.maxKeyBytes + 1) / 2));
    const bad: unknown[] = [
      "",
      long,
      wide,
      "k".repeat(1e6),
      "a\uD800",
      "\uDC00b",
      "a\0b",
      "\0",
      5,
      null,
      undefined,
      {},
    ];
    for (const each of bad as string[]) {
      await fails(async () => kv.put(each, "v"), "storage_invalid_key", "put");
      if (typeof each === "string") {
        equal(await kv.get(each), null, "get");
        equal(await kv.head(each), null, "head");
        equal(await kv.delete(each), false, "delete");
      } else {
        await fails(async () => kv.get(each), "storage_invalid_key", "get");
        await fails(async () => kv.head(each), "storage_invalid_key", "head");
        await fails(async () => kv.delete(each), "storage_invalid_key", "delete");
      }
    }
    equal(await allKeys(kv), [], "what is there");
    const error = (await kv.put("secret\0", "v").catch((reason: unknown) => reason)) as Error & { status: number };
    equal(error.status, 400, "the status");
    holds(!error.message.includes("secret"), "the message must not hold the key");
  }),

  storageCase("cleanup frees what has expired, and leaves what lives", async ({ kv, clock }) => {
    for (let n = 0; n < 5; n++) await kv.put(`short ${n}`, "v", { ttlSeconds: 1 });
    await kv.put("long", "v");
    clock.advance("1s");
    let freed = 0;
    for (let slice = 2; slice === 2; freed += slice) {
      slice = await kv.cleanup({ limit: 2 });
      holds(slice <= 2, "a slice is no larger than its limit");
    }
    // Whatever reclaims by itself, such as Cloudflare KV, has nothing to free.
    holds(freed >= 5 || kv.guarantees.durability === "power", "what has expired is freed");
    equal(await kv.cleanup(), 0, "what is left to be freed");
    equal(await allKeys(kv), ["long"], "what lives");
  }),

  storageCase("a put with anything wrong is refused, and nothing is stored", async ({ kv, open }) => {
    const cycle: Record<string, unknown> = {};
    cycle["self"] = cycle;
    const locked = new Blob(["x"]).stream();
    locked.getReader();
    const given = new Uint8Array(8);
    structuredClone(given.buffer, { transfer: [given.buffer] });
    const small = open({ maxValueBytes: 4 });
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(3)),
      cancel: () => void (cancelled = true),
    });
    const strings = new ReadableStream({ start: (controller) => controller.enqueue("text") });

    for (const ttlSeconds of [0, -1, Number.NaN, 0.5, 1e11, Number.POSITIVE_INFINITY, "60", null, 31_536_000_001]) {
      const options = { ttlSeconds: ttlSeconds as number };
      await fails(async () => kv.put("k", "v", options), "storage_invalid_ttl", `the ttl ${ttlSeconds}`);
    }
    for (const value of [undefined, null, 5, {}, [1], () => "v", strings, locked, given.buffer] as unknown[]) {
      await fails(async () => kv.put("k", value as string), "storage_invalid_value", "the value");
    }
    for (const value of ["12345", "ééé", new Uint8Array(5), new ArrayBuffer(5), new Blob(["12345"]), endless]) {
      await fails(async () => small.put("k", value), "storage_value_too_large", "the value");
    }
    equal(cancelled, true, "whether the stream that had too much was cancelled");
    for (const contentType of ["", "a\r\nb: c", "é", "x".repeat(256), " a/b", 5]) {
      const options = { contentType: contentType as string };
      await fails(async () => kv.put("k", "v", options), "storage_invalid_content_type", "the content type");
    }
    for (const metadata of [cycle, { big: 1n }, "text", 5, [1], () => 1, { toJSON: () => "x" }, new Date()]) {
      const options = { metadata: metadata as never };
      await fails(async () => kv.put("k", "v", options), "storage_invalid_metadata", "the metadata");
    }
    equal([await allKeys(kv), await allKeys(small)], [[], []], "what is there");
    equal((await small.put("k", "1234")).size, 4, "the size of the largest");
  }),

  storageCase("a listing with anything wrong is refused", async ({ kv }) => {
    for (const limit of [0, -1, 1_001, 1.5, Number.NaN, "5"] as number[]) {
      await fails(async () => kv.list({ limit }), "storage_invalid_list", `the limit ${limit}`);
    }
    for (const prefix of ["a\uD800", "\0", 5, null] as string[]) {
      await fails(async () => kv.list({ prefix }), "storage_invalid_list", "the prefix");
    }
    await fails(async () => kv.list({ cursor: 5 as unknown as string }), "storage_invalid_list", "the cursor");
    equal(await kv.list({ cursor: null }), { keys: [], cursor: null }, "a listing of nothing");
  }),
];
