/**
 * Entries in a Cloudflare KV namespace: read close to every user, written to one place, and seen everywhere only
 * after a while. That is enough for `storage.kv`, and not for sessions: a logout would not be one.
 *
 * KV deletes a key by itself at the earliest 60 seconds after it was written. The exact end is therefore in the head
 * and judged by the caller's `now`; KV's own expiry only reclaims the space, an hour later. It is given as a duration,
 * not as an instant, so that it does not matter what the caller's clock says.
 *
 * KV has no compare-and-set: a put reads, compares and then writes. What another caller writes in between is lost,
 * and what it wrote shortly before may not be seen. `guarantees.atomic` says so.
 */
import { StoreError } from "../errors.ts";
import { StorageError } from "../kv/storage-error.ts";
import type { StreamLike } from "../kv/web-platform.ts";
import { show } from "../show.ts";
import { checkEntry, checkInstant, checkKey, checkPage, utf8Length } from "../store/check.ts";
import { MAX_KEY_BYTES, type Entry, type Expected, type Guarantees, type Head, type KeyValue } from "../store/store.ts";
import { foreign, fromRecord, headBytesOf, headOfRecord, MAX_VALUE_BYTES, toRecord } from "./cloudflare-kv-record.ts";

/** A KV namespace binding by its shape: what of it the store uses. A Worker's own `KVNamespace` fits. */
export interface KvNamespace {
  getWithMetadata(
    key: string,
    type: "arrayBuffer",
  ): Promise<{ readonly value: ArrayBuffer | null; readonly metadata: unknown }>;
  getWithMetadata(
    key: string,
    type: "stream",
  ): Promise<{ readonly value: StreamLike | null; readonly metadata: unknown }>;
  put(
    key: string,
    value: Uint8Array,
    options: { readonly metadata: unknown; readonly expirationTtl?: number },
  ): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: { readonly prefix: string | null; readonly limit: number; readonly cursor: string | null }): Promise<{
    readonly keys: readonly { readonly name: string; readonly metadata?: unknown }[];
    readonly list_complete: boolean;
    readonly cursor?: string;
  }>;
}

/** How long after its end an entry stays, in seconds. It is longer than the 60 seconds that KV asks for. */
const KEPT_SECONDS = 3_600;
/** What lives longer is left to be deleted: KV need not know what a date in a thousand years is. */
const MAX_EXPIRATION_SECONDS = 10 * 365 * 86_400;
const NONE = new Uint8Array();

const guarantees: Guarantees = Object.freeze({
  durability: "power",
  atomic: false,
  staleMs: 60_000,
  evicts: false,
  failoverLoss: false,
  exactOrder: false,
  removalsMs: Number.POSITIVE_INFINITY,
});

/**
 * A key-value store in a KV namespace of Cloudflare's, for `storage.kv`. `createSessions` does not take it.
 *
 * Keys that other programs wrote into the namespace are neither listed nor overwritten. KV refuses the keys `.` and
 * `..`, and text that is not well-formed, and so does this store. KV takes one write a second for each key: a faster
 * one is a `store_rate_limited`, which can be tried again a second later. Nothing waits here.
 *
 * @example
 * ```ts
 * import { cloudflareKv, type KvNamespace } from "sojourn/cloudflare";
 * import { storage } from "sojourn/kv";
 *
 * export default {
 *   async fetch(request: Request, env: { readonly CODES: KvNamespace }): Promise<Response> {
 *     const codes = storage.kv({ name: "codes", store: cloudflareKv(env.CODES) });
 *     await codes.put("last", request.url, { ttlSeconds: 300 });
 *     return new Response("stored");
 *   },
 * };
 * ```
 * @throws TypeError if the binding is not a KV namespace
 */
export function cloudflareKv(binding: KvNamespace): KeyValue<"async"> {
  if (typeof binding?.getWithMetadata !== "function" || typeof binding.list !== "function") {
    throw new TypeError(`Expected a KV namespace binding, got ${show(binding)}`);
  }
  let closed = false;

  /** Asks KV, and makes its failure a fault of the store. */
  async function ask<T>(what: string, call: () => Promise<T>): Promise<T> {
    if (closed) throw new StoreError("store_closed", "The KV store is closed");
    try {
      return await call();
    } catch (error) {
      throw faultOf(what, error);
    }
  }

  async function readEntry(key: string): Promise<Entry | undefined> {
    const { value, metadata } = await ask("read", async () => binding.getWithMetadata(key, "arrayBuffer"));
    return value === null ? undefined : fromRecord(key, { value: new Uint8Array(value), metadata });
  }

  /** The head under a key, live or not. Of its value no more is read than the head needs. */
  async function readHead(key: string): Promise<Head | undefined> {
    const found = await ask("read", async () => {
      const { value, metadata } = await binding.getWithMetadata(key, "stream");
      return value === null ? undefined : { value: await startOf(value, headBytesOf(metadata)), metadata };
    });
    if (found === undefined) return undefined;
    const head = headOfRecord(key, found);
    if (head === undefined) throw foreign();
    return head;
  }

  async function write(entry: Entry, now: number): Promise<void> {
    const { value, metadata } = toRecord(entry);
    if (value.length > MAX_VALUE_BYTES) {
      const limit = `${MAX_VALUE_BYTES} bytes, less a large head of up to 4 KiB`;
      throw new StorageError("storage_value_too_large", `Expected a value of at most ${limit}, got ${value.length}`);
    }
    const expirationTtl = Math.ceil(Math.max(0, entry.expiresAt - now) / 1_000) + KEPT_SECONDS;
    const options = expirationTtl > MAX_EXPIRATION_SECONDS ? { metadata } : { metadata, expirationTtl };
    await ask("write", async () => binding.put(entry.key, value, options));
  }

  return Object.freeze<KeyValue<"async">>({
    mode: "async",
    guarantees,

    async get(key, now) {
      checkKvKey(key);
      checkInstant(now, "now");
      const entry = await readEntry(key);
      return entry !== undefined && now < entry.expiresAt ? entry : undefined;
    },

    async put(given, expected, now) {
      checkEntry(given);
      checkKvKey(given.key);
      checkInstant(now, "now");
      // What comes is kept as it is now: the caller may change it while KV is asked.
      const entry = copyOf(given);
      const there = await readHead(entry.key);
      const live = there !== undefined && now < there.expiresAt ? there : undefined;
      if (live?.rev === entry.rev) return { outcome: "stored", removed: [] };
      if (!meets(live, expected)) {
        return { outcome: "conflict", current: live && (await readEntry(entry.key)) };
      }
      const changes = live !== undefined && expected !== "any";
      await write(changes ? later(entry, live) : entry, now);
      return { outcome: "stored", removed: changes || there === undefined ? [] : [there] };
    },

    async delete(key) {
      checkKvKey(key);
      const head = await readHead(key);
      // Also if none was found: an older copy may have answered.
      await ask("delete", async () => binding.delete(key));
      return head;
    },

    async list({ prefix = "", after, limit }, now) {
      checkPage({ after, limit });
      checkInstant(now, "now");
      // No key is longer, and none has a lone surrogate.
      const impossible = utf8Length(prefix) > MAX_KEY_BYTES || isIllFormed(prefix);
      if (impossible && !closed) return { items: [], next: undefined };
      const page = await ask("list", async () =>
        binding.list({ prefix: prefix === "" ? null : prefix, limit, cursor: after ?? null }),
      );
      const found = page.keys.map(async ({ name, metadata }) =>
        headBytesOf(metadata) > 0 ? readHead(name) : headOfRecord(name, { value: NONE, metadata }),
      );
      const heads = await Promise.all(found);
      return {
        items: heads.filter((head) => head !== undefined && now < head.expiresAt) as Head[],
        next: page.list_complete ? undefined : page.cursor,
      };
    },

    async close() {
      closed = true;
    },
  });
}

function checkKvKey(key: string): void {
  checkKey(key);
  if (key === "." || key === "..") throw new TypeError(`Expected a key that Cloudflare KV takes, got ${show(key)}`);
  if (isIllFormed(key)) throw new TypeError("Expected a key of well-formed Unicode, which Cloudflare KV needs");
}

function isIllFormed(text: string): boolean {
  return /\p{Surrogate}/u.test(text);
}

function meets(live: Head | undefined, expected: Expected): boolean {
  if (expected === "any") return true;
  return expected === null ? live === undefined : live?.rev === expected;
}

/** A changed entry with the later instants of the two: a change takes no time away. */
function later(entry: Entry, there: Head): Entry {
  const touchedAt = Math.max(entry.touchedAt, there.touchedAt);
  return { ...entry, touchedAt, expiresAt: Math.max(entry.expiresAt, there.expiresAt) };
}

function copyOf(entry: Entry): Entry {
  return { ...headOf(entry), value: typeof entry.value === "string" ? entry.value : entry.value.slice() };
}

function headOf({ key, owner, rev, meta, createdAt, touchedAt, expiresAt }: Entry): Head {
  return { key, owner, rev, meta, createdAt, touchedAt, expiresAt };
}

/** The first bytes of a value; the rest is not read. */
async function startOf(stream: StreamLike, length: number): Promise<Uint8Array> {
  const start = new Uint8Array(length);
  const reader = stream.getReader();
  for (let at = 0; at < length;) {
    const { done, value } = await reader.read();
    if (done) break;
    const chunk = (value as Uint8Array).subarray(0, length - at);
    start.set(chunk, at);
    at += chunk.length;
  }
  await reader.cancel();
  return start;
}

/** KV's errors are told apart by their text alone, such as "KV PUT failed: 429 Too Many Requests". */
function faultOf(what: string, cause: unknown): StoreError {
  if (/\b429\b/.test(String(cause))) {
    const limit = "one write a second for each key is all that it takes";
    return new StoreError("store_rate_limited", `Cloudflare KV did not ${what}: ${limit}`, { cause });
  }
  return new StoreError("store_unavailable", `Cloudflare KV did not ${what}`, { cause });
}
