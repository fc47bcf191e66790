/** Sessions in Durable Objects, and storage on Cloudflare KV. */
export { cloudflareKv, type KvNamespace } from "./cloudflare-kv.ts";
export type { ShardNamespace, ShardState, ShardStorage } from "./durable-object.ts";
export { durableObjectStore, type DurableObjectStoreOptions } from "./durable-object-store.ts";
export { SessionShard, type EndedSession } from "./session-shard.ts";
