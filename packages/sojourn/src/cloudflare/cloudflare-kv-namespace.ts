import type { StreamLike } from "../kv/web-platform.ts";

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
