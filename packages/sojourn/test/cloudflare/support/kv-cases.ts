/** What `cloudflareKv` does with KV's own rules; the cases run in workerd. */
import type { KVNamespace } from "@cloudflare/workers-types";
import type { KvNamespace } from "../../../src/cloudflare/cloudflare-kv.ts";
import { cloudflareKv } from "../../../src/cloudflare/cloudflare-kv.ts";
import { storage } from "../../../src/kv/index.ts";
import type { Entry } from "../../../src/store/store.ts";
import { equal, fails, holds, refuses } from "../../../src/testing/expect.ts";
import { manualClock } from "../../../src/testing/index.ts";

export interface KvCase {
  readonly name: string;
  /** Plays on a namespace that is empty. */
  readonly run: (binding: KVNamespace) => Promise<void>;
}

const MIB = 1_024 * 1_024;
const now = Date.UTC(2026, 0, 1);
let revs = 0;

function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 1_000 };
  return { key, owner: null, rev: `rev-${++revs}`, meta: "", ...instants, value: "v", ...parts };
}

/** The seconds from now on after which KV deletes a key by itself; `undefined` if it does not. */
async function expiryOf(binding: KVNamespace, key: string): Promise<number | undefined> {
  const { keys } = await binding.list({ prefix: key });
  const expiration = keys[0]?.expiration;
  return expiration === undefined ? undefined : Math.round(expiration - Date.now() / 1_000);
}

export const kvCases: readonly KvCase[] = [
  {
    name: "KV deletes an hour after the end, whatever the clock says; what lives very long it keeps",
    async run(binding) {
      const store = cloudflareKv(binding);
      const lives = { ended: -5_000, second: 1_000, day: 86_400_000, year: 365 * 86_400_000 };
      for (const [key, life] of Object.entries(lives)) {
        for (const instant of [0, now, Date.now(), Date.now() + 1e12]) {
          await store.put(entry(key, { expiresAt: instant + life }), "any", instant);
          const wanted = 3_600 + Math.max(0, life) / 1_000;
          const seconds = (await expiryOf(binding, key)) ?? 0;
          holds(Math.abs(seconds - wanted) <= 2, `${key}: ${wanted} seconds, got ${seconds}`);
        }
      }
      await store.put(entry("never", { expiresAt: Number.MAX_SAFE_INTEGER }), "any", now);
      equal(await expiryOf(binding, "never"), undefined, "the expiry of what never ends");
    },
  },
  {
    name: "the value is kept as it is, and the head in the metadata, unless that is too large",
    async run(binding) {
      const store = cloudflareKv(binding);
      await store.put(entry("small", { value: "é", meta: "m".repeat(800) }), null, now);
      equal(await binding.get("small"), "é", "the value of a small head");
      const large = entry("large", { value: "é", meta: "\n".repeat(1_024), owner: "o".repeat(500) });
      await store.put(large, null, now);
      const found = await binding.getWithMetadata<{ h: number }>("large", "text");
      equal(Object.keys(found.metadata ?? {}), ["v", "h"], "the metadata of a large head");
      equal(found.value?.slice(found.metadata?.h), "é", "the value behind a large head");
      const heads = (await store.list({ limit: 10 }, now)).items;
      equal(heads.find(({ key }) => key === "large")?.meta, large.meta, "the meta in a listing");
      equal((await store.delete("large"))?.owner, large.owner, "the head that a delete returns");
    },
  },
  {
    name: "a value may have 25 MiB, and no byte more",
    async run(binding) {
      const kv = storage.kv({ name: "large", store: cloudflareKv(binding) });
      const bytes = new Uint8Array(25 * MIB).fill(7);
      equal((await kv.put("k", bytes)).size, 25 * MIB, "the size");
      equal((await (await kv.get("k"))?.arrayBuffer())?.byteLength, 25 * MIB, "what comes back");
      await kv.delete("k");
      await fails(async () => kv.put("k", new Uint8Array(25 * MIB + 1)), "storage_value_too_large", "one more");
      const wider = storage.kv({ name: "large", store: cloudflareKv(binding), maxValueBytes: 26 * MIB });
      await fails(
        async () => wider.put("k", new Uint8Array(25 * MIB + 1)),
        "storage_value_too_large",
        "KV's own limit",
      );
      const metadata = { m: "\n".repeat(500) };
      await fails(async () => kv.put("k", bytes, { metadata }), "storage_value_too_large", "with a head before it");
      equal(await kv.get("k"), null, "what is there");
    },
  },
  {
    name: "what was given can be changed while KV is asked",
    async run(binding) {
      const store = cloudflareKv(binding);
      const given = { ...entry("k", { value: new Uint8Array([1, 2, 3]) }), meta: "mine" };
      const put = store.put(given, null, now);
      (given.value as Uint8Array).fill(9);
      Object.assign(given, { key: "other", meta: "theirs" });
      await put;
      const found = await store.get("k", now);
      equal([found?.meta, found?.value], ["mine", new Uint8Array([1, 2, 3])], "what is there");
    },
  },
  {
    name: "KV's own refusals of a key come before KV is asked",
    async run(binding) {
      const store = cloudflareKv(binding);
      for (const key of [".", "..", "a\uD800", "\uDC00"]) {
        await refuses(async () => store.get(key, now), "a get");
        await refuses(async () => store.put(entry(key), null, now), "a put");
        await refuses(async () => store.delete(key), "a delete");
      }
      equal(await store.list({ prefix: "a\uD800", limit: 5 }, now), { items: [], next: undefined }, "a listing");
      equal(await store.list({ prefix: "é".repeat(300), limit: 5 }, now), { items: [], next: undefined }, "a long one");
      await store.put(entry("text", { value: "a\uD800b" }), null, now);
      equal((await store.get("text", now))?.value, "a\uD800b", "a value that UTF-8 cannot hold");
    },
  },
  {
    name: "keys of other programs are neither listed nor overwritten nor deleted",
    async run(binding) {
      const store = cloudflareKv(binding);
      await binding.put("plain", "theirs");
      await binding.put("marked", "theirs", { metadata: { v: 1, mine: true } });
      await binding.put("cut", "theirs", { metadata: { v: 1, h: 3 } });
      await store.put(entry("own"), null, now);
      await binding.delete("cut");
      equal(
        (await store.list({ limit: 10 }, now)).items.map(({ key }) => key),
        ["own"],
        "the listing",
      );
      for (const key of ["plain", "marked"]) {
        await fails(async () => store.get(key, now), "store_corrupt", "a get");
        await fails(async () => store.put(entry(key), "any", now), "store_corrupt", "a put");
        await fails(async () => store.delete(key), "store_corrupt", "a delete");
        equal(await binding.get(key), "theirs", "what is there");
      }
    },
  },
  {
    name: "what another caller writes between the reading and the writing of a put is lost",
    async run(binding) {
      const other = storage.kv({ name: "race", store: cloudflareKv(binding) });
      let raced = 0;
      const late: KvNamespace = {
        getWithMetadata: binding.getWithMetadata.bind(binding) as KvNamespace["getWithMetadata"],
        list: binding.list.bind(binding) as KvNamespace["list"],
        delete: async (key) => binding.delete(key),
        async put(key, value, options) {
          if (raced++ === 0) await other.put("k", "of the other", { ifNotExists: true });
          await binding.put(key, value, options);
        },
      };
      const kv = storage.kv({ name: "race", store: cloudflareKv(late) });
      equal(kv.guarantees.atomic, false, "what it guarantees");
      await kv.put("k", "mine", { ifNotExists: true });
      equal(await (await other.get("k"))?.text(), "mine", "what is there");
      await fails(async () => kv.put("k", "again", { ifNotExists: true }), "storage_key_already_exists", "a later one");
    },
  },
  {
    name: "the order of a listing is that of the keys",
    async run(binding) {
      const kv = storage.kv({ name: "order", store: cloudflareKv(binding), clock: manualClock() });
      for (const key of ["b", "a", "é", "B", "aa", "😀", "\uFFFD"]) await kv.put(key, "v");
      const names: string[] = [];
      let cursor: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof kv.list>> = await kv.list({ limit: 2, cursor });
        names.push(...page.keys.map(({ name }) => name));
        cursor = page.cursor;
      } while (cursor !== null);
      equal(names, ["B", "a", "aa", "b", "é", "\uFFFD", "😀"], "the keys");
    },
  },
];
