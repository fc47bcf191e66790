/** What `storage.kv` throws when it refuses a call, or when a value cannot be read as wanted. */

/** Why a call of `storage.kv` was refused. */
export type StorageErrorCode =
  | "storage_key_already_exists"
  | "storage_invalid_key"
  | "storage_invalid_ttl"
  | "storage_invalid_value"
  | "storage_invalid_metadata"
  | "storage_invalid_content_type"
  | "storage_invalid_list"
  | "storage_invalid_json"
  | "storage_metadata_too_large"
  | "storage_value_too_large"
  | "storage_already_read";

/** The HTTP status of each code. The last two are mistakes of the application, not of its client. */
const statuses: Readonly<Record<StorageErrorCode, number>> = Object.freeze({
  storage_key_already_exists: 409,
  storage_invalid_key: 400,
  storage_invalid_ttl: 400,
  storage_invalid_value: 400,
  storage_invalid_metadata: 400,
  storage_invalid_content_type: 400,
  storage_invalid_list: 400,
  storage_metadata_too_large: 413,
  storage_value_too_large: 413,
  storage_invalid_json: 500,
  storage_already_read: 500,
});

/**
 * A call that was refused: nothing was stored. A store that fails throws a `StoreError` instead, which passes through
 * unchanged. No message holds a key or a value.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn";
 * import { storage, StorageError } from "sojourn/kv";
 *
 * const codes = storage.kv({ name: "codes", store: memoryStore() });
 * await codes.put("ann", "123456");
 * try {
 *   await codes.put("ann", "654321", { ifNotExists: true });
 * } catch (error) {
 *   if (error instanceof StorageError) console.log(error.code, error.status); // storage_key_already_exists 409
 * }
 * ```
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
  readonly code: StorageErrorCode;
  /** The HTTP status that answers it. */
  readonly status: number;
  constructor(code: StorageErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.status = statuses[code];
  }
}
