export { cached, type CachedDecorator, type CachedDecoratorOptions } from "./cached.ts";
export type {
  CacheHooks,
  OnDeleteContext,
  OnEvictContext,
  OnExpireContext,
  OnHitContext,
  OnMissContext,
  OnSetContext,
} from "./cache-hooks.ts";
export { CacheConfigError, type CacheOptions, type SetOptions } from "./cache-options.ts";
export { MemoryCache, type CacheStats } from "./memory-cache.ts";
