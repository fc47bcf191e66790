/** Keys and values that expire, on memory, SQLite, Redis and Cloudflare KV. */
export type { Annotations, Metadata } from "./annotations.ts";
export { betterAuthStorage, type BetterAuthStorage, type BetterAuthStorageOptions } from "./better-auth-storage.ts";
export type { KvOptions } from "./kv-options.ts";
export { storage, type KvListKey, type KvListOptions, type KvPage, type KvPutOptions, type KvStorage } from "./kv.ts";
export type { KvHead, KvReadHandle } from "./read-handle.ts";
export { StorageError, type StorageErrorCode } from "./storage-error.ts";
export type { PutValue } from "./stored-value.ts";
export type { BlobLike, ByteStream, StreamLike } from "./web-platform.ts";
