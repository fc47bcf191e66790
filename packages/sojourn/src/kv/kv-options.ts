/** The options of `storage.kv`, resolved once. */
import { requireOptions } from "../options.ts";
import { show } from "../show.ts";
import { memoryStore } from "../store/memory-store.ts";
import type { KeyValue } from "../store/store.ts";
import { systemClock, type Clock } from "../time/clock.ts";
import { warnOnce } from "../warn.ts";
import { StorageError } from "./storage-error.ts";

/** Options of `storage.kv`. */
export interface KvOptions {
  /** The storage's name: 1 to 64 letters, digits, dots, dashes and underscores. */
  readonly name: string;
  /**
   * Storages with other namespaces, or other names, on the same store do not see each other. The same characters.
   * @default "default"
   */
  readonly namespace?: string | undefined;
  /** How long a key lives unless its put says otherwise, in whole seconds. @default it does not expire */
  readonly ttlSeconds?: number | undefined;
  /**
   * Where it is kept. Without one, the process is warned, once, that nothing outlives it; `store: memoryStore()` says
   * that this is meant.
   * @default a `memoryStore()` of its own
   */
  readonly store?: KeyValue | undefined;
  /** What time it is. @default the machine's clock */
  readonly clock?: Clock | undefined;
  /** The largest value, in bytes. Cloudflare KV takes no more than the default. @default 26,214,400 (25 MiB) */
  readonly maxValueBytes?: number | undefined;
}

/** The longest ttl: a thousand years. No sum of instants can then leave the safe integers. */
export const MAX_TTL_SECONDS: number = 1_000 * 365 * 86_400;
const MAX_VALUE_BYTES = 25 * 1_024 * 1_024;

/** @throws TypeError for an option that is not what it should be */
export function resolveKvOptions(options: KvOptions): {
  readonly ttlSeconds: number | undefined;
  readonly store: KeyValue;
  readonly clock: Clock;
  readonly maxValueBytes: number;
} {
  requireOptions("storage.kv", options, {
    name: true,
    namespace: true,
    ttlSeconds: true,
    store: true,
    clock: true,
    maxValueBytes: true,
  });
  const { ttlSeconds, store = forgetfulStore(), clock = systemClock, maxValueBytes = MAX_VALUE_BYTES } = options;
  if (ttlSeconds !== undefined && !isTtl(ttlSeconds)) throw new TypeError(ttlFault(ttlSeconds));
  if (typeof store?.get !== "function" || typeof store.put !== "function" || typeof store.list !== "function") {
    throw new TypeError(`Expected \`store\` to be a store, got ${show(store)}`);
  }
  if (typeof clock?.now !== "function") throw new TypeError(`Expected \`clock\` to be a clock, got ${show(clock)}`);
  if (!Number.isSafeInteger(maxValueBytes) || maxValueBytes < 1) {
    throw new TypeError(`Expected \`maxValueBytes\` to be a whole number, 1 or more, got ${show(maxValueBytes)}`);
  }
  return { ttlSeconds, store, clock, maxValueBytes };
}

function forgetfulStore(): KeyValue {
  warnOnce(
    "SOJOURN_KV_FORGETS",
    "storage.kv without a `store` keeps its values in memory: they end with the process. Give it a store, or " +
      "`store: memoryStore()` if that is meant",
  );
  return memoryStore();
}

/** @throws StorageError `storage_invalid_ttl` */
export function checkTtl(ttlSeconds: number): number {
  if (!isTtl(ttlSeconds)) throw new StorageError("storage_invalid_ttl", ttlFault(ttlSeconds));
  return ttlSeconds;
}

function isTtl(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_TTL_SECONDS;
}

function ttlFault(value: unknown): string {
  return `Expected \`ttlSeconds\` to be whole seconds, 1 to ${MAX_TTL_SECONDS}, got ${show(value)}`;
}
