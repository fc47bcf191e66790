import { MemoryCache as HumanspeakCache } from "@humanspeak/memory-cache";
import { TTLCache } from "@isaacs/ttlcache";
import { LRUCache } from "lru-cache";
import QuickLRU from "quick-lru";
import { MemoryCache } from "sojourn/cache";
import { lru } from "tiny-lru";
import { LruObject } from "toad-cache";

/** What is measured of a cache. */
export interface Subject {
  get(key: string): unknown;
  set(key: string, value: object): unknown;
  /** Removes what has expired, where there is such a call. */
  purge?(): unknown;
}

export interface Make {
  readonly name: string;
  /** Whether its entries expire. */
  readonly hasTtl: boolean;
  /** Whether it is bounded. */
  readonly isBounded: boolean;
  make(max: number, ttl: number): Subject;
}

const withTtl = { hasTtl: true, isBounded: true };

/** The Map first: everything is compared with it and with lru-cache. */
export const SUBJECTS: readonly Make[] = [
  { name: "Map", hasTtl: false, isBounded: false, make: () => new Map<string, object>() },
  { name: "sojourn MemoryCache", ...withTtl, make: (max, ttl) => sojourn(max, ttl) },
  { name: "lru-cache, no ttl", hasTtl: false, isBounded: true, make: (max) => new LRUCache<string, object>({ max }) },
  { name: "lru-cache, ttl", ...withTtl, make: (max, ttl) => lruCache(max, ttl) },
  { name: "@isaacs/ttlcache", ...withTtl, make: (max, ttl) => ttlCache(max, ttl) },
  { name: "quick-lru", ...withTtl, make: (max, ttl) => new QuickLRU<string, object>({ maxSize: max, maxAge: ttl }) },
  { name: "tiny-lru", ...withTtl, make: (max, ttl) => lru<object>(max, ttl) },
  { name: "toad-cache LruObject", ...withTtl, make: (max, ttl) => new LruObject<object>(max, ttl) },
  { name: "@humanspeak/memory-cache", ...withTtl, make: (max, ttl) => humanspeak(max, ttl) },
];

function sojourn(maxSize: number, ttl: number): Subject {
  const cache = new MemoryCache<object>({ maxSize, ttl });
  return Object.assign(cache, { purge: () => cache.prune() });
}

function lruCache(max: number, ttl: number): Subject {
  const cache = new LRUCache<string, object>({ max, ttl });
  return Object.assign(cache, { purge: () => cache.purgeStale() });
}

function ttlCache(max: number, ttl: number): Subject {
  const cache = new TTLCache<string, object>({ max, ttl, checkAgeOnGet: true });
  return Object.assign(cache, { purge: () => cache.purgeStale() });
}

function humanspeak(maxSize: number, ttl: number): Subject {
  const cache = new HumanspeakCache<object>({ maxSize, ttl });
  return Object.assign(cache, { purge: () => cache.prune() });
}
