/** The values that can be put, and what is kept of them: a string, or a copy of the bytes. */
import { show } from "../show.ts";
import { utf8Length } from "../store/check.ts";
import { StorageError } from "./storage-error.ts";
import type { BlobLike, StreamLike } from "./web-platform.ts";

/** A value to be put: text, bytes, a `Blob`, or a `ReadableStream` of bytes, which is read to its end. */
export type PutValue = string | ArrayBuffer | ArrayBufferView | BlobLike | StreamLike;

const EACH_SURROGATE = /\p{Surrogate}/gu;

/**
 * A value as it is kept. What can be copied at once is copied before this returns.
 *
 * @throws StorageError `storage_invalid_value` or `storage_value_too_large`
 */
export async function storedValue(value: PutValue, maxBytes: number): Promise<string | Uint8Array> {
  if (typeof value === "string") {
    checkSize(utf8Length(value), maxBytes);
    // Stores that keep UTF-8 would do it, and those that keep strings must not differ.
    return value.replace(EACH_SURROGATE, "\uFFFD");
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return copyOf(value, maxBytes);
  if (isBlob(value)) return bytesOfBlob(value, maxBytes);
  if (isStream(value)) return bytesOfStream(value, maxBytes);
  throw new StorageError("storage_invalid_value", `Expected text, bytes, a Blob or a stream, got ${show(value)}`);
}

/** Whether a value brings a content type of its own. */
export function isBlob(value: unknown): value is BlobLike {
  if (typeof value !== "object" || value === null) return false;
  const { size, arrayBuffer } = value as Partial<BlobLike>;
  return typeof size === "number" && typeof arrayBuffer === "function";
}

function isStream(value: unknown): value is StreamLike {
  return typeof value === "object" && value !== null && typeof (value as StreamLike).getReader === "function";
}

function checkSize(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) {
    throw new StorageError("storage_value_too_large", `Expected a value of at most ${maxBytes} bytes, got ${bytes}`);
  }
}

function copyOf(value: ArrayBuffer | ArrayBufferView, maxBytes: number): Uint8Array {
  checkSize(value.byteLength, maxBytes);
  try {
    return value instanceof ArrayBuffer
      ? new Uint8Array(value).slice()
      : new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  } catch (cause) {
    throw new StorageError("storage_invalid_value", "Expected bytes that were not given away", { cause });
  }
}

async function bytesOfBlob(blob: BlobLike, maxBytes: number): Promise<Uint8Array> {
  checkSize(blob.size, maxBytes);
  const bytes = new Uint8Array(await blob.arrayBuffer());
  checkSize(bytes.length, maxBytes);
  return bytes;
}

/** Reads no further than the limit. */
async function bytesOfStream(stream: StreamLike, maxBytes: number): Promise<Uint8Array> {
  const reader = readerOf(stream);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return joined(chunks, length);
    try {
      if (!(value instanceof Uint8Array)) {
        throw new StorageError(
          "storage_invalid_value",
          `Expected a stream of bytes, got a chunk that is ${show(value)}`,
        );
      }
      length += value.length;
      checkSize(length, maxBytes);
      chunks.push(value.slice());
    } catch (error) {
      // Whoever fills the stream learns that nobody reads on. How that ends changes nothing here.
      reader.cancel(error).catch(() => undefined);
      throw error;
    }
  }
}

function readerOf(stream: StreamLike): ReturnType<StreamLike["getReader"]> {
  try {
    return stream.getReader();
  } catch (cause) {
    throw new StorageError("storage_invalid_value", "Expected a stream that nobody else reads", { cause });
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
