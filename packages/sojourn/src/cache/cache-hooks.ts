/** What {@link CacheHooks.onHit} is told. */
export interface OnHitContext<T> {
  readonly key: string;
  readonly value: T | undefined;
}

/** What {@link CacheHooks.onMiss} is told. */
export interface OnMissContext {
  readonly key: string;
  /** Whether nothing was there, or something past its end. */
  readonly reason: "not_found" | "expired";
}

/** What {@link CacheHooks.onSet} is told. */
export interface OnSetContext<T> {
  readonly key: string;
  readonly value: T;
  /** Whether an entry that had not expired was there. */
  readonly isUpdate: boolean;
}

/** What {@link CacheHooks.onEvict} is told. */
export interface OnEvictContext<T> {
  readonly key: string;
  readonly value: T | undefined;
}

/** What {@link CacheHooks.onExpire} is told. */
export interface OnExpireContext<T> {
  readonly key: string;
  readonly value: T | undefined;
  /** What found it: a look-up of this key, or anything else that reclaims what has expired. */
  readonly source: "get" | "has" | "prune";
}

/** What {@link CacheHooks.onDelete} is told. */
export interface OnDeleteContext<T> {
  readonly key: string;
  readonly value: T | undefined;
  /** The method that was called. */
  readonly source: "delete" | "deleteAsync" | "deleteByPrefix" | "deleteByMagicString" | "clear";
}

/**
 * What a cache tells about itself. Hooks are synchronous, and called when the change is complete, so that a hook may
 * use the cache. What a hook throws is ignored. An entry leaves with exactly one of `onEvict`, `onExpire`, `onDelete`.
 */
export interface CacheHooks<T> {
  /** `get` or `getOrSet` found the key. */
  onHit?(context: OnHitContext<T>): void;
  /** `get` or `getOrSet` did not. */
  onMiss?(context: OnMissContext): void;
  /** A value was stored. */
  onSet?(context: OnSetContext<T>): void;
  /** An entry went for lack of room: the least recently used one, or one whose new value is over the limit alone. */
  onEvict?(context: OnEvictContext<T>): void;
  /** An entry that had expired was reclaimed. */
  onExpire?(context: OnExpireContext<T>): void;
  /** An entry was deleted on request. */
  onDelete?(context: OnDeleteContext<T>): void;
}

/** Hooks can be this many deep in one another, when they use the cache; deeper, none is called. */
const DEEPEST = 32;

type Name = keyof CacheHooks<unknown>;

/**
 * Counts what happens to a cache, and tells its hooks.
 *
 * A change of several steps notes its events and calls `tell` at its end: a hook that uses the cache must find the
 * change complete, or it could undo the room that was just made.
 */
export class CacheEvents<T> {
  readonly #hooks: CacheHooks<T> | undefined;
  #noted: [Name, unknown][] = [];
  #depth = 0;
  hits = 0;
  misses = 0;
  evictions = 0;
  expirations = 0;

  constructor(hooks: CacheHooks<T> | undefined) {
    this.#hooks = hooks;
  }

  /** Whether anybody listens. */
  get heard(): boolean {
    return this.#hooks !== undefined;
  }

  hit(key: string, value: T): void {
    this.hits++;
    if (this.#hooks !== undefined) this.#call("onHit", { key, value });
  }

  miss(key: string, reason: "not_found" | "expired"): void {
    this.misses++;
    if (this.#hooks !== undefined) this.#call("onMiss", { key, reason });
  }

  stored(key: string, value: T, isUpdate: boolean): void {
    if (this.#hooks !== undefined) this.#noted.push(["onSet", { key, value, isUpdate }]);
  }

  evicted(key: string, value: T): void {
    this.evictions++;
    if (this.#hooks !== undefined) this.#noted.push(["onEvict", { key, value }]);
  }

  expired(key: string, value: T, source: OnExpireContext<T>["source"]): void {
    this.expirations++;
    if (this.#hooks !== undefined) this.#noted.push(["onExpire", { key, value, source }]);
  }

  deleted(key: string, value: T, source: OnDeleteContext<T>["source"]): void {
    if (this.#hooks !== undefined) this.#noted.push(["onDelete", { key, value, source }]);
  }

  /** Calls the hooks for all that has been noted, in order. */
  tell(): void {
    if (this.#noted.length === 0) return;
    const noted = this.#noted;
    this.#noted = [];
    for (const [name, context] of noted) this.#call(name, context);
  }

  reset(): void {
    this.hits = this.misses = this.evictions = this.expirations = 0;
  }

  #call(name: Name, context: unknown): void {
    if (this.#depth === DEEPEST) return;
    this.#depth++;
    try {
      const hook = this.#hooks![name] as ((context: unknown) => void) | undefined;
      hook?.call(this.#hooks, context);
    } catch {
      // The cache's caller asked for a value, and must not pay for somebody's log line.
    } finally {
      this.#depth--;
    }
  }
}
