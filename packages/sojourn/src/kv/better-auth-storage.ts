/**
 * better-auth's `secondaryStorage` on any store that is atomic.
 *
 * better-auth changes a session by a `get` and a `set`. Between the two, the session may be deleted by a logout; a plain
 * key-value store then takes the `set`, and the user is logged in again. So what was a session leaves a mark when it is
 * deleted, until the session's own end, and a `set` of a session under a mark changes nothing.
 */
import { requireOptions } from "../options.ts";
import { show } from "../show.ts";
import { type Entry, type Expected, type KeyValue, type Put } from "../store/store.ts";
import { systemClock, type Clock } from "../time/clock.ts";
import { sha256 } from "../tokens/crypto.ts";
import { uniqueRev } from "../tokens/token.ts";
import { MAX_TTL_SECONDS } from "./kv-options.ts";
import { NEVER } from "./read-handle.ts";

/** Options of `betterAuthStorage`. */
export interface BetterAuthStorageOptions {
  /** Where it is kept: any store whose `guarantees.atomic` holds, which is all but Cloudflare KV. */
  readonly store: KeyValue;
  /** What its keys begin with: 1 to 64 letters, digits, dots, dashes and underscores. @default "better-auth" */
  readonly namespace?: string | undefined;
  /** What time it is. @default the machine's clock */
  readonly clock?: Clock | undefined;
}

/** What better-auth 1.7 calls: its `SecondaryStorage`. Each call rejects with the `StoreError` of a store that fails. */
export interface BetterAuthStorage {
  /** The value under a key, or `null`. */
  get(key: string): Promise<string | null>;
  /** Stores a value for so many seconds; without them it does not expire. A session that was deleted stays so. */
  set(key: string, value: string, ttl?: number): Promise<void>;
  /** Removes a key. */
  delete(key: string): Promise<void>;
  /** The value under a key, or `null`; of several callers, one gets it. */
  getAndDelete(key: string): Promise<string | null>;
  /** Counts one more, from 1 on, and answers the count. It ends so many seconds after the first. */
  increment(key: string, ttl: number): Promise<number>;
}

/** What an entry is, in its meta: a session, the mark of what was deleted or taken, or another value. */
type Kind = "session" | "gone" | "other";

/** What an entry becomes. */
interface Change {
  readonly value: string;
  readonly meta: Kind;
  readonly expiresAt: number;
}

/**
 * Makes the `secondaryStorage` of better-auth, for its sessions, verifications and rate limits. Keys are stored as
 * their SHA-256: they are tokens, and listings and logs of a store show keys.
 *
 * @example
 * ```ts
 * import { betterAuth } from "better-auth";
 * import { memoryAdapter } from "better-auth/adapters/memory";
 * import { memoryStore } from "sojourn";
 * import { betterAuthStorage } from "sojourn/kv";
 *
 * export const auth = betterAuth({
 *   secret: "only for this page: 32 bytes or more",
 *   database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
 *   // In an application: `await redisStore({ client })`, or another store that lasts.
 *   secondaryStorage: betterAuthStorage({ store: memoryStore() }),
 * });
 * ```
 * @throws TypeError for an option that is not what it should be
 */
export function betterAuthStorage(options: BetterAuthStorageOptions): BetterAuthStorage {
  const { store, start, clock } = resolve(options);
  // As JSON, in which no two texts become one: a lone surrogate would become U+FFFD.
  const storeKey = (key: string): string => start + sha256(JSON.stringify(key));

  /** Puts what `make` makes of the entry that is there, if that one is still there then, and answers with that one. */
  async function change(
    key: string,
    make: (before: Entry | undefined) => Change | undefined,
  ): Promise<Entry | undefined> {
    let before = await store.get(storeKey(key), clock.now());
    for (;;) {
      const changed = make(before);
      if (changed === undefined) return before;
      const put = await write(key, changed, before?.rev ?? null);
      if (put.outcome !== "conflict") return before;
      before = put.current;
    }
  }

  function write(key: string, changed: Change, expected: Expected): Promise<Put> {
    const now = clock.now();
    const entry = { key: storeKey(key), owner: null, rev: uniqueRev(), createdAt: now, touchedAt: now, ...changed };
    return Promise.resolve(store.put(entry, expected, now));
  }

  return Object.freeze<BetterAuthStorage>({
    async get(key) {
      return valueOf(await store.get(storeKey(key), clock.now()));
    },

    async set(key, value, ttl) {
      const changed: Change = { value, meta: kindOf(key, value), expiresAt: endAfter(ttl, clock) };
      if (changed.meta === "session") await change(key, (before) => (before?.meta === "gone" ? undefined : changed));
      else await write(key, changed, "any");
    },

    async delete(key) {
      const before = await change(key, (before) => (before?.meta === "session" ? markOf(before) : undefined));
      if (before?.meta === "other") await store.delete(storeKey(key));
    },

    async getAndDelete(key) {
      return valueOf(await change(key, (before) => (valueOf(before) === null ? undefined : markOf(before as Entry))));
    },

    async increment(key, ttl) {
      const end = endAfter(ttl, clock);
      let count = 0;
      await change(key, (before) => {
        const last = valueOf(before);
        count = Number(last ?? 0) + 1;
        return { value: String(count), meta: "other", expiresAt: last === null ? end : (before as Entry).expiresAt };
      });
      return count;
    },
  });
}

function valueOf(entry: Entry | undefined): string | null {
  return entry === undefined || entry.meta === "gone" ? null : String(entry.value);
}

const markOf = ({ expiresAt }: Entry): Change => ({ value: "", meta: "gone", expiresAt });

/** A session is kept under its own token. */
function kindOf(key: string, value: string): Kind {
  if (!value.startsWith('{"session":')) return "other";
  try {
    const { session } = JSON.parse(value) as { readonly session?: { readonly token?: unknown } | null };
    return session?.token === key ? "session" : "other";
  } catch {
    return "other";
  }
}

/** @throws TypeError if it is not a number of seconds */
function endAfter(ttl: number | undefined, clock: Clock): number {
  if (ttl === undefined) return NEVER;
  if (typeof ttl !== "number" || !(ttl > 0 && ttl <= MAX_TTL_SECONDS)) {
    throw new TypeError(`Expected \`ttl\` to be seconds, more than 0, got ${show(ttl)}`);
  }
  return clock.now() + Math.ceil(ttl * 1_000);
}

const NAMESPACE = /^[A-Za-z0-9._-]{1,64}$/;

/** @throws TypeError for an option that is not what it should be */
function resolve(options: BetterAuthStorageOptions): {
  readonly store: KeyValue;
  /** What every key begins with. */
  readonly start: string;
  readonly clock: Clock;
} {
  requireOptions("betterAuthStorage", options, { store: true, namespace: true, clock: true });
  const { store, namespace = "better-auth", clock = systemClock } = options;
  if (typeof store?.get !== "function" || typeof store.put !== "function") {
    throw new TypeError(`Expected \`store\` to be a store, got ${show(store)}`);
  }
  if (!store.guarantees.atomic) {
    throw new TypeError(
      "Expected `store` to be atomic: `getAndDelete` and `increment` have to be one step, got one that is not",
    );
  }
  if (typeof namespace !== "string" || !NAMESPACE.test(namespace)) {
    throw new TypeError(
      `Expected \`namespace\` to be 1 to 64 letters, digits, dots, dashes and underscores, got ${show(namespace)}`,
    );
  }
  if (typeof clock?.now !== "function") throw new TypeError(`Expected \`clock\` to be a clock, got ${show(clock)}`);
  return { store, start: `${namespace}:`, clock };
}
