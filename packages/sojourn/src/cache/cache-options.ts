import { checkOptions, type OptionNames } from "../options.ts";
import { show } from "../show.ts";
import type { Clock } from "../time/clock.ts";
import { parseDuration, type Duration } from "../time/duration.ts";
import { BurstClock } from "./burst-clock.ts";
import type { CacheHooks } from "./cache-hooks.ts";

/**
 * An option of a cache is not what it must be.
 *
 * @example
 * ```ts
 * import { CacheConfigError, MemoryCache } from "sojourn/cache";
 *
 * try {
 *   new MemoryCache({ maxSize: -1 });
 * } catch (error) {
 *   console.log(error instanceof CacheConfigError); // true
 * }
 * ```
 */
export class CacheConfigError extends Error {
  override readonly name = "CacheConfigError";
}

/** The lifetime of one entry. */
export interface SetOptions {
  /**
   * Milliseconds, or a string such as `"30m"`; 0 means that the entry does not expire.
   * @default the cache's `ttl`
   */
  readonly ttl?: Duration | undefined;
}

/** How a cache behaves. */
export interface CacheOptions<T = unknown> {
  /**
   * How many entries there can be; one more, and the least recently used one goes. 0 means no limit.
   * @default 100
   */
  readonly maxSize?: number | undefined;
  /**
   * For how long an entry can be read, in milliseconds or as a string such as `"30m"`: at exactly its ttl it still can,
   * and a millisecond later no more. 0 means that entries do not expire.
   * @default 300_000
   */
  readonly ttl?: Duration | undefined;
  /**
   * What all entries together may weigh, in the units of `sizeCalculation`; over it, the least recently used ones go.
   * 0 means no limit.
   * @default 0
   */
  readonly maxWeight?: number | undefined;
  /** What an entry weighs: finite, not negative. Called once for each `set`. Needed with `maxWeight`. */
  readonly sizeCalculation?: ((value: T, key: string) => number) | undefined;
  /**
   * The same bound in bytes, with `sizeOf`. A cache has one weight: give this or `maxWeight`. 0 means no limit.
   * @default 0
   */
  readonly maxBytes?: number | undefined;
  /** How many bytes an entry takes: finite, not negative. Called once for each `set`. Needed with `maxBytes`. */
  readonly sizeOf?: ((value: T, key: string) => number) | undefined;
  /**
   * What is told about hits, misses and changes.
   * @default {}
   */
  readonly hooks?: CacheHooks<T> | undefined;
  /**
   * Where the time comes from; asked by every call that judges an end.
   *
   * Without one it is the machine's clock, read for every call as long as calls are few, and in a tight loop at least
   * every 64 calls: within one stretch of synchronous code, up to 64 calls may be judged by one reading, and nothing is
   * carried over an `await`. `clock: systemClock` reads it for every call whatever the rate.
   */
  readonly clock?: Clock | undefined;
}

/** Options with nothing left to decide. `Infinity` means no limit, or no end. */
export interface ResolvedCacheOptions<T> {
  readonly maxSize: number;
  readonly maxWeight: number;
  /** Always there when `maxWeight` is finite. */
  readonly weigh: ((value: T, key: string) => number) | undefined;
  /** What the result of `weigh` is called in messages. */
  readonly weighName: string;
  readonly ttl: number;
  readonly hooks: CacheHooks<T> | undefined;
  readonly clock: Clock;
}

const DEFAULT_SIZE = 100;
const DEFAULT_TTL = 5 * 60_000;

export const CACHE_OPTION_NAMES: OptionNames<CacheOptions> = {
  maxSize: true,
  ttl: true,
  maxWeight: true,
  sizeCalculation: true,
  maxBytes: true,
  sizeOf: true,
  hooks: true,
  clock: true,
};

export const SET_OPTION_NAMES: OptionNames<SetOptions> = { ttl: true };

/** @throws CacheConfigError that names the first option that is not known */
export function checkNames<Options extends object>(name: string, options: Options, known: OptionNames<Options>): void {
  try {
    checkOptions(name, options, known);
  } catch (cause) {
    throw new CacheConfigError((cause as Error).message, { cause });
  }
}

/** @throws CacheConfigError that names the option and shows what was given */
export function resolveCacheOptions<T>(options: CacheOptions<T>): ResolvedCacheOptions<T> {
  const maxSize = limit(options.maxSize ?? DEFAULT_SIZE, "maxSize");
  if (maxSize !== Infinity && !Number.isInteger(maxSize)) {
    throw new CacheConfigError(`maxSize must be a whole number, got ${show(maxSize)}`);
  }
  return {
    maxSize,
    ...resolveWeight(options),
    ttl: resolveTtl(options.ttl ?? DEFAULT_TTL),
    hooks: options.hooks ?? undefined,
    clock: options.clock ?? new BurstClock(),
  };
}

/**
 * A lifetime in milliseconds, `Infinity` for none.
 * @throws CacheConfigError if it is negative or not a duration
 */
export function resolveTtl(ttl: Duration): number {
  if (typeof ttl !== "string") return limit(ttl, "ttl");
  try {
    return parseDuration(ttl, "ttl", { zero: true }) || Infinity;
  } catch (cause) {
    throw new CacheConfigError(`ttl must be a non-negative number or a duration, got ${show(ttl)}`, { cause });
  }
}

/**
 * The lifetime of an entry that is set with options of its own.
 *
 * @param usual that of the cache
 * @throws CacheConfigError as `checkNames` and `resolveTtl` do
 */
export function entryTtl(options: SetOptions, usual: number): number {
  checkNames("set", options, SET_OPTION_NAMES);
  return options.ttl === undefined ? usual : resolveTtl(options.ttl);
}

function resolveWeight<T>(
  options: CacheOptions<T>,
): Pick<ResolvedCacheOptions<T>, "maxWeight" | "weigh" | "weighName"> {
  const byWeight = limit(options.maxWeight ?? 0, "maxWeight");
  const byBytes = limit(options.maxBytes ?? 0, "maxBytes");
  const inBytes = options.maxBytes !== undefined;
  if (inBytes && options.maxWeight !== undefined) {
    throw new CacheConfigError("maxWeight and maxBytes are the same bound: give one of them");
  }
  const weighName = inBytes ? "sizeOf" : "sizeCalculation";
  const weigh = options[weighName];
  const positive = (inBytes ? options.maxBytes : options.maxWeight) ?? 0;
  if (positive > 0 && typeof weigh !== "function") {
    throw new CacheConfigError(`${weighName} is required when ${inBytes ? "maxBytes" : "maxWeight"} is greater than 0`);
  }
  return { maxWeight: inBytes ? byBytes : byWeight, weigh: positive > 0 ? weigh : undefined, weighName };
}

/** A limit, with `Infinity` for the 0 that means none. */
function limit(value: unknown, name: string): number {
  if (typeof value !== "number" || !(value >= 0)) {
    throw new CacheConfigError(`${name} must be a non-negative number, got ${show(value)}`);
  }
  return value === 0 ? Infinity : value;
}
