import type { OptionNames } from "../options.ts";
import { show } from "../show.ts";
import type { CacheHooks } from "./cache-hooks.ts";
import {
  CACHE_OPTION_NAMES,
  CacheConfigError,
  checkNames,
  resolveCacheOptions,
  type CacheOptions,
} from "./cache-options.ts";
import { MemoryCache } from "./memory-cache.ts";

/** How a cached method behaves. */
export interface CachedDecoratorOptions<T = unknown> extends CacheOptions<T> {
  /**
   * The key for a call, from the array of its arguments. The method's name and a colon go in front of it.
   * @default a text that is the same for equal arguments
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- the arguments are the method's, which is not known here
  readonly keyGenerator?: ((args: any[]) => string) | undefined;
  /**
   * Whether keys are shortened to a hash of 16 hexadecimal digits. It is not a cryptographic one: do not use it where
   * somebody gains by making two calls look the same. Without effect if there is a `keyGenerator`.
   * @default false
   */
  readonly hashKeys?: boolean | undefined;
  /**
   * Whether each instance has a cache of its own, with the limits of the options, which goes when the instance goes. For
   * methods whose results depend on more than their arguments, such as on a field of the instance.
   * @default false
   */
  readonly perInstance?: boolean | undefined;
}

const NAMES: OptionNames<CachedDecoratorOptions> = {
  ...CACHE_OPTION_NAMES,
  keyGenerator: true,
  hashKeys: true,
  perInstance: true,
};

/** What {@link cached} returns: a method decorator, in the standard form and in the legacy one. */
export interface CachedDecorator {
  <This, Args extends never[], Result>(
    method: (this: This, ...args: Args) => Result,
    context: ClassMethodDecoratorContext<This, (this: This, ...args: Args) => Result>,
  ): (this: This, ...args: Args) => Result;
  (target: object, propertyKey: string | symbol, descriptor: PropertyDescriptor): PropertyDescriptor;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/** A result as it is kept, with whether it came as a promise. */
interface Kept<T> {
  readonly value: T;
  readonly isAsync: boolean;
}

/**
 * A decorator that keeps a method's results, by its arguments. Works as a standard decorator and, with TypeScript's
 * `experimentalDecorators`, as a legacy one.
 *
 * A method has one cache, which all instances of its class share: a result that one of them made is another's too, if
 * the arguments are the same. Where it depends on the instance as well, set `perInstance`. For a method that returns a
 * promise, calls with the same arguments share the one that is on its way; what it resolves to is kept, and a rejection
 * is not.
 *
 * @example
 * ```ts
 * import { cached } from "sojourn/cache";
 *
 * class Prices {
 *   loads = 0;
 *   async of(article: string): Promise<number> {
 *     this.loads++;
 *     return article.length;
 *   }
 * }
 * // Where decorators are compiled: @cached({ ttl: "1m" }) above the method.
 * const descriptor = Object.getOwnPropertyDescriptor(Prices.prototype, "of") ?? {};
 * Object.defineProperty(Prices.prototype, "of", cached<number>({ ttl: "1m" })(Prices.prototype, "of", descriptor));
 *
 * const prices = new Prices();
 * await Promise.all([prices.of("book"), prices.of("book")]);
 * console.log(prices.loads); // 1
 * ```
 * @throws CacheConfigError at once, if an option is not what it must be
 */
export function cached<T>(options: CachedDecoratorOptions<T> = {}): CachedDecorator {
  checkNames("cached", options, NAMES);
  resolveCacheOptions(options);
  const { perInstance } = options;
  if (perInstance !== undefined && typeof perInstance !== "boolean") {
    throw new CacheConfigError(`perInstance must be true or false, got ${show(perInstance)}`);
  }
  function decorate(
    target: unknown,
    at: ClassMethodDecoratorContext | string | symbol,
    descriptor?: PropertyDescriptor,
  ): unknown {
    if (typeof at === "object") return caching(methodOf(target, at.name), at.name, options);
    return { ...descriptor, value: caching(methodOf(descriptor?.value, at), at, options) };
  }
  return decorate as CachedDecorator;
}

function methodOf(value: unknown, name: string | symbol): Method {
  if (typeof value !== "function") throw new TypeError(`@cached is for methods, and ${String(name)} is none`);
  return value as Method;
}

function caching<T>(method: Method, name: string | symbol, options: CachedDecoratorOptions<T>): Method {
  const resultsOf = options.perInstance === true ? resultsByInstance(options) : resultsOfAll(options);
  const keyOf = keysOf(name, options);
  function caller(this: unknown, ...args: unknown[]): unknown {
    return resultsOf(this).get(keyOf(args), () => method.apply(this, args));
  }
  return Object.defineProperties(caller, {
    name: { value: method.name, configurable: true },
    length: { value: method.length, configurable: true },
  });
}

function resultsOfAll<T>(options: CachedDecoratorOptions<T>): (instance: unknown) => Results<T> {
  const results = new Results(options);
  return () => results;
}

function resultsByInstance<T>(options: CachedDecoratorOptions<T>): (instance: unknown) => Results<T> {
  const results = new WeakMap<object, Results<T>>();
  /** For calls without an object, such as those of a function that was taken off its class. */
  const nobody = {};
  return (instance) => {
    const isObject = typeof instance === "function" || (typeof instance === "object" && instance !== null);
    const self = isObject ? instance : nobody;
    let own = results.get(self);
    if (own === undefined) results.set(self, (own = new Results(options)));
    return own;
  };
}

function keysOf<T>(name: string | symbol, options: CachedDecoratorOptions<T>): (args: unknown[]) => string {
  const { keyGenerator, hashKeys } = options;
  const prefix = `${String(name)}:`;
  if (keyGenerator !== undefined) return (args) => prefix + keyGenerator(args);
  const keys = new ArgumentKeys();
  return hashKeys === true ? (args) => prefix + shortHash(keys.text(args)) : (args) => prefix + keys.text(args);
}

/** The results of one method. */
class Results<T> {
  readonly #cache: MemoryCache<Kept<T>>;
  readonly #running: Map<string, Promise<T>> = new Map();

  constructor(options: CachedDecoratorOptions<T>) {
    this.#cache = new MemoryCache(forKept(options));
  }

  get(key: string, call: () => unknown): unknown {
    const kept = this.#cache.get(key);
    if (kept !== undefined) return kept.isAsync ? Promise.resolve(kept.value) : kept.value;
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const result = call();
    if (isThenable(result)) return this.#await(key, result as PromiseLike<T>);
    this.#cache.set(key, { value: result as T, isAsync: false });
    return result;
  }

  #await(key: string, result: PromiseLike<T>): Promise<T> {
    const promise = Promise.resolve(result)
      .then((value) => {
        this.#cache.set(key, { value, isAsync: true });
        return value;
      })
      .finally(() => this.#running.delete(key));
    this.#running.set(key, promise);
    return promise;
  }
}

function isThenable(value: unknown): boolean {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** The same options for results as they are kept: hooks and sizes are given the results themselves. */
function forKept<T>(options: CachedDecoratorOptions<T>): CacheOptions<Kept<T>> {
  const { keyGenerator: _, hashKeys: __, perInstance: ___, ...own } = options;
  const { hooks, sizeCalculation, sizeOf } = own;
  return {
    ...own,
    sizeCalculation: sizeCalculation && ((kept, key) => sizeCalculation(kept.value, key)),
    sizeOf: sizeOf && ((kept, key) => sizeOf(kept.value, key)),
    hooks: hooks && unwrapping(hooks),
  };
}

function unwrapping<T>(hooks: CacheHooks<T>): CacheHooks<Kept<T>> {
  return {
    onHit: (context) => hooks.onHit?.({ ...context, value: context.value?.value }),
    onMiss: (context) => hooks.onMiss?.(context),
    onSet: (context) => hooks.onSet?.({ ...context, value: context.value.value }),
    onEvict: (context) => hooks.onEvict?.({ ...context, value: context.value?.value }),
    onExpire: (context) => hooks.onExpire?.({ ...context, value: context.value?.value }),
    onDelete: (context) => hooks.onDelete?.({ ...context, value: context.value?.value }),
  };
}

/**
 * A text for arguments: equal arguments give the same one, different ones different ones.
 *
 * What JSON can say is written as JSON. What JSON would lose (`undefined`, `NaN`, -0, bigints, dates, maps, sets) has a
 * notation of its own. Functions and symbols are the same as themselves only, and so are objects that have no own
 * properties to tell them by; they are numbered as they are met. Class instances are written as `JSON.stringify`
 * writes them: by `toJSON`, or by their own enumerable properties.
 */
class ArgumentKeys {
  readonly #numbers: WeakMap<object, number> = new WeakMap();
  readonly #symbols: Map<symbol, number> = new Map();
  #met = 0;

  /** @throws TypeError if an argument contains itself */
  text(args: readonly unknown[]): string {
    return this.#list(args, []);
  }

  #list(items: readonly unknown[], within: readonly object[]): string {
    return `[${Array.from(items, (item) => this.#write(item, within)).join(",")}]`;
  }

  #write(value: unknown, within: readonly object[]): string {
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value === "object" && value !== null) return this.#object(value, within);
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value === "symbol") return `Symbol#${this.#symbolNumber(value)}`;
    if (typeof value === "function") return `Function#${this.#number(value)}`;
    return Object.is(value, -0) ? "-0" : String(value);
  }

  #object(value: object, outer: readonly object[]): string {
    if (outer.includes(value)) {
      throw new TypeError("Expected arguments that do not contain themselves; give a `keyGenerator` for such ones");
    }
    const within = [...outer, value];
    if (Array.isArray(value)) return this.#list(value, within);
    if (value instanceof Date) return `Date(${value.getTime()})`;
    if (value instanceof Map) return `Map${this.#list([...value], within)}`;
    if (value instanceof Set) return `Set${this.#list([...value], within)}`;
    if ("toJSON" in value && typeof value.toJSON === "function") return `JSON(${this.#write(value.toJSON(), within)})`;
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    const prototype: unknown = Object.getPrototypeOf(value);
    const isPlain = prototype === Object.prototype || prototype === null;
    if (fields.length === 0 && !isPlain) return `Object#${this.#number(value)}`;
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${this.#write(field, within)}`).join(",")}}`;
  }

  #number(value: object): number {
    let number = this.#numbers.get(value);
    if (number === undefined) this.#numbers.set(value, (number = ++this.#met));
    return number;
  }

  #symbolNumber(value: symbol): number {
    let number = this.#symbols.get(value);
    if (number === undefined) this.#symbols.set(value, (number = ++this.#met));
    return number;
  }
}

/**
 * A short text of fixed length for a long one: two 32-bit FNV-1a hashes, from different starts. Among ten million
 * texts two agree with a probability of about 3 in a million; who picks texts on purpose can make them agree.
 */
function shortHash(text: string): string {
  let one = 0x811c_9dc5;
  let two = 0xc9dc_5118;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    one = Math.imul(one ^ code, 0x0100_0193);
    two = Math.imul(two ^ code, 0x0100_0193) ^ (two >>> 15);
  }
  return [one, two].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
}
