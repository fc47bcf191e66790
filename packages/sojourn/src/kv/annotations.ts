/** What is kept beside a value: its content type and the caller's metadata, together in the store's `meta`. */
import { StoreError } from "../errors.ts";
import { show } from "../show.ts";
import { utf8Length } from "../store/check.ts";
import { MAX_META_BYTES } from "../store/store.ts";
import { StorageError } from "./storage-error.ts";

/**
 * Data of the caller's own, kept and listed with a key. It comes back as JSON gives it.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn";
 * import { storage, type Metadata } from "sojourn/kv";
 *
 * const metadata: Metadata = { from: "ann" };
 * const notes = storage.kv({ name: "notes", store: memoryStore() });
 * await notes.put("first", "hello", { metadata });
 * console.log((await notes.head("first"))?.metadata); // { from: 'ann' }
 * ```
 */
export type Metadata = Readonly<Record<string, unknown>>;

/** What a value is, and what the caller wants to know of it without reading it. */
export interface Annotations {
  /** The media type that it was put with; `null` if none was given. */
  readonly contentType: string | null;
  /** The metadata that it was put with; `null` if none was given. */
  readonly metadata: Metadata | null;
}

/** What can stand in a `Content-Type` header as it is. */
const HEADER_VALUE = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

/**
 * @throws StorageError `storage_invalid_content_type`, `storage_invalid_metadata` or `storage_metadata_too_large`
 */
export function encodeAnnotations(contentType: unknown, metadata: unknown): string {
  if (contentType === null && metadata === null) return "";
  if (contentType !== null && (typeof contentType !== "string" || !HEADER_VALUE.test(contentType))) {
    throw new StorageError(
      "storage_invalid_content_type",
      `Expected \`contentType\` to be 1 to 255 printable ASCII characters, got ${show(contentType)}`,
    );
  }
  const meta = JSON.stringify([contentType]).slice(0, -1) + (metadata === null ? "]" : `,${jsonOf(metadata)}]`);
  const bytes = utf8Length(meta);
  if (bytes > MAX_META_BYTES) {
    throw new StorageError(
      "storage_metadata_too_large",
      `Expected the content type and the metadata to take at most ${MAX_META_BYTES} bytes as JSON, got ${bytes}`,
    );
  }
  return meta;
}

function jsonOf(metadata: unknown): string {
  let json: string | undefined;
  let cause: unknown;
  try {
    json = JSON.stringify(metadata);
  } catch (error) {
    // A cycle, a BigInt, or a toJSON that throws.
    cause = error;
  }
  // An array, a string or a number would be no record when it comes back.
  if (json?.startsWith("{") === true) return json;
  const options = cause === undefined ? undefined : { cause };
  throw new StorageError(
    "storage_invalid_metadata",
    `Expected \`metadata\` to be an object that is JSON, got ${show(metadata)}`,
    options,
  );
}

/** @throws StoreError `store_corrupt` if another program wrote it */
export function decodeAnnotations(meta: string): Annotations {
  if (meta === "") return { contentType: null, metadata: null };
  try {
    const [contentType, metadata = null] = JSON.parse(meta) as [string | null, Metadata?];
    return { contentType, metadata };
  } catch (cause) {
    throw new StoreError("store_corrupt", "An entry was not written by storage.kv", { cause });
  }
}
