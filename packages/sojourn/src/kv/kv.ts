/** `storage.kv`: keys and values that expire, on any store. */
import { StoreError } from "../errors.ts";
import { checkOptions, type OptionNames } from "../options.ts";
import { show } from "../show.ts";
import { checkLimit } from "../store/check.ts";
import {
  MAX_PAGE,
  type Entry,
  type Guarantees,
  type Head,
  type KeyValue,
  type Page,
  type Store,
} from "../store/store.ts";
import { uniqueRev } from "../tokens/token.ts";
import { keySpace } from "./key-space.ts";
import { checkTtl, resolveKvOptions, type KvOptions } from "./kv-options.ts";
import { decodeAnnotations, encodeAnnotations, type Metadata } from "./annotations.ts";
import { endOf, kvHead, NEVER, readHandle, type KvHead, type KvReadHandle } from "./read-handle.ts";
import { StorageError } from "./storage-error.ts";
import { isBlob, storedValue, type PutValue } from "./stored-value.ts";

/** Options of a put. */
export interface KvPutOptions {
  /** How long this key lives, in whole seconds. @default the storage's `ttlSeconds` */
  readonly ttlSeconds?: number | undefined;
  /** The media type, 1 to 255 printable ASCII characters. @default that of a `Blob`, else none */
  readonly contentType?: string | null | undefined;
  /** Data that is listed with the key; with the content type at most 1,024 bytes of JSON. @default none */
  readonly metadata?: Metadata | null | undefined;
  /** Whether to refuse the put if the key is there. @default false */
  readonly ifNotExists?: boolean | undefined;
}

/** Which keys are wanted. */
export interface KvListOptions {
  /** What they begin with. @default "" */
  readonly prefix?: string | undefined;
  /** The `cursor` of the page before; none for the first page. */
  readonly cursor?: string | null | undefined;
  /** How many at most, 1 to 1,000. @default 1,000 */
  readonly limit?: number | undefined;
}

const PUT_OPTIONS: OptionNames<KvPutOptions> = {
  ttlSeconds: true,
  contentType: true,
  metadata: true,
  ifNotExists: true,
};
const LIST_OPTIONS: OptionNames<KvListOptions> = { prefix: true, cursor: true, limit: true };

/** A key in a listing. */
export interface KvListKey {
  readonly name: string;
  /** The first instant at which it is gone, in epoch milliseconds; `null` if it does not expire. */
  readonly expiresAt: number | null;
  readonly metadata: Metadata | null;
}

/** A part of a listing. */
export interface KvPage {
  /** It may be fewer than `limit`, even none: what ends a listing is the cursor. */
  readonly keys: readonly KvListKey[];
  /** What to pass for the next page; `null` on the last one. */
  readonly cursor: string | null;
}

/**
 * A storage of keys and values. Every call is asynchronous, on every store. Besides the errors that are named here, a
 * call rejects with the `StoreError` of a store that fails, which never means that a key is absent.
 */
export interface KvStorage {
  readonly name: string;
  readonly namespace: string;
  /** What the store guarantees. */
  readonly guarantees: Guarantees;
  /** The longest key, in bytes of UTF-8: 510 less the namespace and the name. */
  readonly maxKeyBytes: number;
  /**
   * Stores a value. What was under the key is replaced, with its ttl, its content type and its metadata.
   *
   * @throws StorageError `storage_key_already_exists` with `ifNotExists`; `storage_invalid_key`, `storage_invalid_ttl`,
   *   `storage_invalid_value`, `storage_value_too_large`, `storage_invalid_content_type`, `storage_invalid_metadata`,
   *   `storage_metadata_too_large`. Nothing was stored.
   * @throws TypeError for an option that is not known, as `list` and `cleanup` do
   */
  put(key: string, value: PutValue, options?: KvPutOptions): Promise<KvHead>;
  /**
   * The value under a key, or `null` if there is none, it has expired, or no key can be that text: what comes with a
   * request may be anything.
   *
   * @throws StorageError `storage_invalid_key` if it is not a string
   */
  get(key: string): Promise<KvReadHandle | null>;
  /** What `get` tells, without the value. @throws StorageError as `get` does */
  head(key: string): Promise<KvHead | null>;
  /** Removes a key. Answers whether it was there and had not expired. @throws StorageError as `get` does */
  delete(key: string): Promise<boolean>;
  /** The keys that have not expired, page by page, in the store's own order. @throws StorageError `storage_invalid_list` */
  list(options?: KvListOptions): Promise<KvPage>;
  /**
   * Frees the space of values that have expired, of all storages on this store, the earliest first. Nothing else depends
   * on it: they are absent at once, and puts free a few on their way. Call it now and then where values are mostly read,
   * and again while it returns its limit. Cloudflare KV frees them by itself, and answers 0.
   *
   * @param options.limit how many at most, 1 to 1,000, by default 1,000
   * @returns how many it freed
   * @throws TypeError for another limit
   */
  cleanup(options?: { readonly limit?: number | undefined }): Promise<number>;
}

/**
 * Makes a storage for keys and values that end by themselves: sessions, tokens, short-lived results.
 *
 * ```ts
 * const sessions = storage.kv({ name: "user-sessions", namespace: "auth", ttlSeconds: 86_400 });
 * ```
 *
 * @throws TypeError for an option that is not what it should be
 */
export function kv(options: KvOptions): KvStorage {
  const { ttlSeconds: defaultTtl, store, clock, maxValueBytes } = resolveKvOptions(options);
  const { name, namespace = "default" } = options;
  const space = keySpace(namespace, name);

  async function read(key: string): Promise<Entry | undefined> {
    const storeKey = space.findKey(key);
    return storeKey === undefined ? undefined : store.get(storeKey, clock.now());
  }

  return Object.freeze<KvStorage>({
    name,
    namespace,
    guarantees: store.guarantees,
    maxKeyBytes: space.maxKeyBytes,

    async put(key, value, options = {}) {
      checkOptions("put", options, PUT_OPTIONS);
      const { ttlSeconds = defaultTtl, contentType, metadata, ifNotExists = false } = options;
      const storeKey = space.storeKey(key);
      const ttl = ttlSeconds === undefined ? undefined : checkTtl(ttlSeconds) * 1_000;
      const meta = encodeAnnotations(contentType ?? contentTypeOf(value), metadata ?? null);
      const kept = await storedValue(value, maxValueBytes);
      const now = clock.now();
      const entry: Entry = {
        key: storeKey,
        owner: null,
        rev: uniqueRev(),
        meta,
        createdAt: now,
        touchedAt: now,
        expiresAt: ttl === undefined ? NEVER : now + ttl,
        value: kept,
      };
      await write(store, entry, ifNotExists, now);
      return kvHead(key, entry);
    },

    async get(key) {
      const entry = await read(key);
      return entry === undefined ? null : readHandle(key, entry);
    },

    async head(key) {
      const entry = await read(key);
      return entry === undefined ? null : kvHead(key, entry);
    },

    async delete(key) {
      const storeKey = space.findKey(key);
      const head = storeKey === undefined ? undefined : await store.delete(storeKey);
      return head !== undefined && clock.now() < head.expiresAt;
    },

    async list(options = {}) {
      checkOptions("list", options, LIST_OPTIONS);
      const { prefix = "", cursor, limit = MAX_PAGE } = options;
      const storePrefix = space.storePrefix(prefix);
      checkPaging(cursor, limit);
      if (storePrefix === undefined) return { keys: [], cursor: null };
      const page = await listPage(store, { prefix: storePrefix, after: cursor ?? undefined, limit }, clock.now());
      const keys = page.items.map((item) => ({
        name: space.keyOf(item.key),
        expiresAt: endOf(item),
        metadata: decodeAnnotations(item.meta).metadata,
      }));
      return { keys, cursor: page.next ?? null };
    },

    async cleanup(options = {}) {
      checkOptions("cleanup", options, { limit: true });
      const { limit = MAX_PAGE } = options;
      checkLimit(limit);
      const { sweep } = store as Partial<Pick<Store, "sweep">>;
      return sweep === undefined ? 0 : (await sweep(clock.now(), limit)).length;
    },
  });
}

async function write(store: KeyValue, entry: Entry, ifNotExists: boolean, now: number): Promise<void> {
  const { outcome } = await store.put(entry, ifNotExists ? null : "any", now);
  if (outcome === "stored") return;
  if (outcome === "conflict" && ifNotExists) {
    throw new StorageError("storage_key_already_exists", "The key is there already, and `ifNotExists` was asked for");
  }
  throw new StoreError("store_unavailable", `The store answered "${outcome}" to a put that nothing stands against`);
}

function contentTypeOf(value: PutValue): string | null {
  return isBlob(value) && value.type !== "" ? value.type : null;
}

function checkPaging(cursor: unknown, limit: number): void {
  if (cursor !== undefined && cursor !== null && typeof cursor !== "string") {
    throw new StorageError("storage_invalid_list", `Expected \`cursor\` to be that of a page, got ${show(cursor)}`);
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new StorageError("storage_invalid_list", `Expected \`limit\` to be 1 to ${MAX_PAGE}, got ${show(limit)}`);
  }
}

async function listPage(store: KeyValue, options: Parameters<KeyValue["list"]>[0], now: number): Promise<Page<Head>> {
  try {
    return await store.list(options, now);
  } catch (error) {
    // All else was checked before, so it is the cursor.
    if (!(error instanceof TypeError)) throw error;
    throw new StorageError("storage_invalid_list", "Expected `cursor` to be that of a page", { cause: error });
  }
}

/**
 * Storage by kind, as `storage.kv(…)`.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn";
 * import { storage } from "sojourn/kv";
 *
 * const codes = storage.kv({ name: "codes", ttlSeconds: 300, store: memoryStore() });
 * await codes.put("ann", "123456");
 * console.log(await (await codes.get("ann"))?.text()); // 123456
 * ```
 */
export const storage: { readonly kv: (options: KvOptions) => KvStorage } = Object.freeze({ kv });
