/** What is known of a value, and the handle that reads it. */
import type { Entry, Head } from "../store/store.ts";
import { utf8Length } from "../store/check.ts";
import { decodeAnnotations, type Annotations } from "./annotations.ts";
import { StorageError } from "./storage-error.ts";
import { decodeUtf8, encodeUtf8, streamOf, type ByteStream } from "./web-platform.ts";

/** All that is kept under a key but the value. */
export interface KvHead extends Annotations {
  readonly key: string;
  /** The length of the value in bytes; of a text, in UTF-8. */
  readonly size: number;
  /** A strong validator, with its quotes, as an `ETag` header takes it. Every write makes a new one. */
  readonly etag: string;
  /** The first instant at which the key is gone, in epoch milliseconds; `null` if it does not expire. */
  readonly expiresAt: number | null;
}

/**
 * A value as it was at one instant. It is read once, in one of five ways; a second time is `storage_already_read`.
 * It stays readable when the key expires or changes meanwhile.
 */
export interface KvReadHandle extends KvHead {
  /** Whether it was read. */
  readonly bodyUsed: boolean;
  /** The value as text; bytes are taken for UTF-8. @throws StorageError `storage_already_read` */
  text(): Promise<string>;
  /** The value as JSON. The type is the caller's claim. @throws StorageError `storage_invalid_json`, `storage_already_read` */
  json<T = unknown>(): Promise<T>;
  /** The value as bytes; a text in UTF-8. @throws StorageError `storage_already_read` */
  arrayBuffer(): Promise<ArrayBuffer>;
  /** The value as bytes; a text in UTF-8. @throws StorageError `storage_already_read` */
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  /** The value as a stream of bytes, such as a `Response` takes. @throws StorageError `storage_already_read`, at once */
  stream(): ByteStream;
}

/** The end of what has no ttl: no clock gets there. */
export const NEVER: number = Number.MAX_SAFE_INTEGER;

/** The instant at which a head ends, as callers see it. */
export function endOf({ expiresAt }: Head): number | null {
  return expiresAt === NEVER ? null : expiresAt;
}

/** @throws StoreError `store_corrupt` if another program wrote the entry */
export function kvHead(key: string, entry: Entry): KvHead {
  const { value, meta, rev } = entry;
  return {
    key,
    size: typeof value === "string" ? utf8Length(value) : value.length,
    etag: `"${rev}"`,
    expiresAt: endOf(entry),
    ...decodeAnnotations(meta),
  };
}

/** @throws StoreError `store_corrupt` if another program wrote the entry */
export function readHandle(key: string, entry: Entry): KvReadHandle {
  let value: string | Uint8Array | undefined = entry.value;

  function take(): string | Uint8Array {
    if (value === undefined) {
      throw new StorageError("storage_already_read", "The value was read before: get the key again for another handle");
    }
    const taken = value;
    value = undefined;
    return taken;
  }

  return {
    ...kvHead(key, entry),
    get bodyUsed() {
      return value === undefined;
    },
    text: async () => textOf(take()),
    json: async <T>() => jsonOf(textOf(take())) as T,
    arrayBuffer: async () => bytesOf(take()).buffer,
    bytes: async () => bytesOf(take()),
    stream: () => streamOf(bytesOf(take())),
  };
}

function textOf(value: string | Uint8Array): string {
  return typeof value === "string" ? value : decodeUtf8(value);
}

/** A copy in a buffer of its own: a driver's may be a part of a larger one. */
function bytesOf(value: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return typeof value === "string" ? encodeUtf8(value) : new Uint8Array(value);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the cause: its message quotes the value.
    throw new StorageError("storage_invalid_json", "The value is not JSON");
  }
}
