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
