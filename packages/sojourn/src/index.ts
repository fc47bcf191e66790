export * from "./core.ts";
// Takes the place of the one with a required store.
export { createSessions } from "./sessions/create-sessions.ts";
export { memoryStore, type MemoryStoreOptions } from "./store/memory-store.ts";
export { nearCache, type NearCacheOptions } from "./store/near-cache/near-cache.ts";
