/**
 * The store contract.
 *
 * A store keeps entries: a key, an optional owner, three instants, and two strings that it never looks into. It
 * reads no clock, logs nothing, and opens no connection that it was not given. Whoever calls it brings the time
 * (`now`, whole epoch milliseconds) and decides what the answers mean; the rules of sessions live one layer up.
 *
 * `storeContract` in `sojourn/testing` checks each rule below by its number, on any store.
 *
 *  1. **Time is given.** An entry is live while `now < expiresAt`. One that is not live reads as absent in every
 *     call that takes `now`, whether or not its space has been reclaimed. No timer is needed for that.
 *  2. **get** and the listings answer with live entries only, and change nothing.
 *  3. **put is compare-and-set.** It stores the entry if what `expected` says holds: a rev (a live entry with this
 *     rev is there), `null` (no live entry is there) or `"any"`. Otherwise nothing changes, and the answer is
 *     `conflict` with the live entry that is there, which saves the caller a read. `"any"` over a live entry
 *     replaces it, which its head in `removed` tells; over a rev, the same entry is changed, and nothing is removed.
 *  4. **A repeat counts once.** The writer brings the rev, unique for ever. A put whose rev is the one that is
 *     there answers `stored`, changes nothing and reports nothing, whatever it expected.
 *  5. **A put over a rev never takes time away**: of `touchedAt` and `expiresAt` the later ones stay, since `touch`
 *     changes them without a new rev.
 *  6. **touch** answers whether the entry is live, has this rev, and lasts at least until the given `expiresAt`
 *     afterwards. It moves `touchedAt` and `expiresAt` only forward, changes nothing else, and never inserts.
 *  7. **delete** removes what is under the key, live or not, and returns its head; the caller judges which it was.
 *  8. **revokeOwner** removes every entry of an owner but `except`, whatever its `createdAt`, and is remembered. A put
 *     that would bring an entry to that owner (expected `null` or `"any"`, or a change of owner) answers `revoked` and
 *     changes nothing if its `begun` was taken before a `revokeOwner` of that owner was called that has run. It does not
 *     if `begun` was taken after all of them had resolved; where `guarantees.exactOrder` is `false`, it may then be
 *     refused once, and is let in with a new `begun`. In between it may be either. A conflict comes first. No date has
 *     a part in it. A put without `begun` begins when it is called.
 *     **A store may forget a revocation** at any time; from then on it refuses every `begun` taken before that.
 *  9. **count** is the number of live entries, from a maintained total, less the expired ones not yet reclaimed.
 * 10. **sweep** removes at most `limit` entries that have expired, the earliest first, and returns their heads. A
 *     put, too, may reclaim a few. Whatever way an entry goes, its head is in exactly one answer, once.
 * 11. **Pages.** `after` is the `next` of an earlier page, opaque; `next` is `undefined` on the last one. What is
 *     there from the first page to the last is listed exactly once. A page may hold fewer than `limit`, even none.
 * 12. **Each call is one step.** Entry, owner index, total and revocation change together or not at all, also when the
 *     process dies in the middle (where `durability` is not `"none"`), and in one order that every caller sees.
 * 13. **Nothing is shared.** What a store returns stays as it is whatever happens to the entry, and what it was
 *     given can be changed afterwards without harm.
 * 14. **A fault is thrown** as a `StoreError`, never given as "absent". The change may or may not have happened;
 *     because of rule 4 it can be repeated as it was. After `close`, every call throws `store_closed`.
 * 15. **One namespace.** Stores with different namespaces on one file or server do not see each other.
 * 16. **Bounds.** Keys have 1 to {@link MAX_KEY_BYTES} bytes, a meta has at most {@link MAX_META_BYTES}, instants
 *     are safe integers, a limit is 1 to {@link MAX_PAGE}, a `begun` comes from `begin` of the same store, and a note
 *     is at most {@link MAX_NOTE_LENGTH} characters of printable ASCII. Anything else is a `TypeError`, and nothing
 *     changes.
 * 17. **watchRemovals** tells of every entry that goes, in whatever process: once to each watch, with the head that is in
 *     the answer of the call that removed it, and a note. That is the note which `delete` or `revokeOwner` was given;
 *     `REPLACED` for a live entry that a put with `"any"` replaced; `EVICTED` for a live one that the store
 *     dropped for space; `""` for what a put or a sweep removed because it had expired. Heads of one key come in the
 *     order in which they went. Nothing else is told: neither touches nor changes.
 *     `null` says that some may be missing; it may come at any time. Take a removal that was asked for when `watchRemovals`
 *     had returned, and a `confirm` that was called when that removal was acknowledged: once it resolves, the removal
 *     has been told, or `null` since. Whoever is told may call the store: the removal is done. A store that cannot tell
 *     has no `watchRemovals`, and `guarantees.removalsMs` is `Infinity`.
 */
import type { Mode, Reply } from "./reply.ts";

/** All of an entry but its value: what listings and removals report. */
export interface Head {
  /** 1 to 512 bytes of UTF-8. */
  readonly key: string;
  /** Whose entry it is, indexed; `null` if nobody's. */
  readonly owner: string | null;
  /** The mark of the write that made it, from the writer, unique for ever. */
  readonly rev: string;
  /** At most 1 KiB, for the caller; listed with the head. */
  readonly meta: string;
  /** When it was made, in epoch milliseconds: for people, and for the order of an owner's entries. */
  readonly createdAt: number;
  /** The instant of the last touch, in epoch milliseconds. */
  readonly touchedAt: number;
  /** The first instant at which the entry is no longer live, in epoch milliseconds. */
  readonly expiresAt: number;
}

/** What a store keeps. */
export interface Entry extends Head {
  readonly value: string | Uint8Array;
  /**
   * A place for the caller to keep what it made of the entry, such as a decoded session. Only stores that keep
   * entries as objects offer it; then it lives and dies with this state of the entry. Never stored, never sent.
   */
  readonly memo?: { decoded?: unknown };
}

/** What a put wants to find: this rev, `null` for nothing live, or whatever is there. */
export type Expected = (string & {}) | null | "any";

/** The answer to a put. */
export type Put =
  | {
      readonly outcome: "stored";
      /** What went on the way: the entry that this one replaced, evicted ones, expired ones. */
      readonly removed: readonly Head[];
    }
  | { readonly outcome: "conflict"; readonly current: Entry | undefined }
  | { readonly outcome: "revoked" };

/**
 * What a store knew of its revocations when a creation began. It never changes, can be used for more than one put, and
 * is for the store that gave it; what is in it is that store's own affair.
 */
export interface Begun {
  readonly seen: unknown;
}

/** A part of a listing. */
export interface Page<T> {
  readonly items: readonly T[];
  /** What to pass as `after` for the next page; `undefined` on the last one. */
  readonly next: string | undefined;
}

/** Which part of a listing is wanted. */
export interface PageOptions {
  /** The `next` of the page before; none for the first page. */
  readonly after?: string | undefined;
  /** How many items at most, 1 to 1,000. */
  readonly limit: number;
}

/** An entry that is gone, as those who watch are told of it. */
export interface Removed {
  readonly head: Head;
  /** What its remover gave along, or `REPLACED`, `EVICTED` or `""` (rule 17). */
  readonly note: string;
}

/** What a store promises. A manager that is asked for more refuses to start. */
export interface Guarantees {
  /** What acknowledged writes survive: nothing, `kill -9` of the process, or loss of power as well. */
  readonly durability: "none" | "process" | "power";
  /** Whether every call is one step that all callers see in one order. */
  readonly atomic: boolean;
  /** For how many milliseconds, at most, an answer can be out of date. */
  readonly staleMs: number;
  /**
   * Whether a live entry can be dropped for space. Where a server does so unasked (Redis), such an entry is in no listing, no
   * answer reports it as removed, and it may be counted for as long as it would have lived.
   */
  readonly evicts: boolean;
  /** Whether a failover can lose acknowledged writes. */
  readonly failoverLoss: boolean;
  /**
   * Whether a put that began after a revocation of its owner had resolved is always let in. Across a network it may be
   * refused once, and is let in when it begins again.
   */
  readonly exactOrder: boolean;
  /**
   * Within how many milliseconds the store itself tells of a removal, while the link stands: 0 where it tells at once,
   * to which the way through the network comes; `Infinity` for a store that cannot tell.
   */
  readonly removalsMs: number;
}

/** How a get is answered. */
export interface GetOptions {
  /** `true` for the entry as it is now, where a store may otherwise answer from an older copy. @default false */
  readonly fresh?: boolean;
}

/** All that an eventually consistent store can honour; enough for `storage.kv`, not for sessions. */
export interface KeyValue<M extends Mode = Mode> {
  readonly mode: M;
  readonly guarantees: Guarantees;
  get(key: string, now: number, options?: GetOptions): Reply<M, Entry | undefined>;
  put(entry: Entry, expected: Expected, now: number, begun?: Begun): Reply<M, Put>;
  /** @param note told to those who watch removals (rule 17); by default `""` */
  delete(key: string, note?: string): Reply<M, Head | undefined>;
  list(options: PageOptions & { readonly prefix?: string | undefined }, now: number): Reply<M, Page<Head>>;
  /** Releases what the store opened. A handle or client that it was given stays open. */
  close(): Reply<M, void>;
}

/** What sessions need. */
export interface Store<M extends Mode = Mode> extends KeyValue<M> {
  touch(key: string, rev: string, to: Touch, now: number): Reply<M, boolean>;
  listByOwner(owner: string, options: PageOptions, now: number): Reply<M, Page<Entry>>;
  /**
   * What is known of revocations now, for a put that is to count as begun now. It asks no server, and answers at once
   * on every store.
   */
  begin(): Begun;
  /** @param note told with each of them to those who watch removals (rule 17); by default `""` */
  revokeOwner(owner: string, except?: string, note?: string): Reply<M, readonly Head[]>;
  count(now: number): Reply<M, number>;
  sweep(now: number, limit: number): Reply<M, readonly Head[]>;
  /** Calls back with the key of an entry that changed elsewhere, or `null` when every entry may have. */
  watch?(onChange: (key: string | null) => void): Watch;
  /** Calls back with every entry that goes, here or elsewhere, or `null` when some may be missing: rule 17. */
  watchRemovals?(onRemoved: (removed: Removed | null) => void): Watch;
  /**
   * Resolves when no caller on any node can be answered with what was there before the changes acknowledged so
   * far. Only stores that may answer from an older copy have it.
   */
  propagated?(): Reply<M, void>;
}

/** A subscription to changes, or to removals, over a link that can be down without saying so. */
export interface Watch {
  /**
   * Resolves once every change that was acknowledged, to anybody, before this call has been told to the callback.
   *
   * @throws StoreError if the link cannot prove that now; it may be asked again
   */
  confirm(): Promise<void>;
  /** Ends the subscription and closes what it opened; a second call does nothing. */
  close(): Promise<void>;
}

/** The instants that a touch moves an entry to, in epoch milliseconds. */
export type Touch = Pick<Head, "touchedAt" | "expiresAt">;

/** Ends a subscription; a second call does nothing. */
export type Unsubscribe = () => void;

/** The largest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 512;
/** The largest meta, in bytes of UTF-8. */
export const MAX_META_BYTES = 1_024;
/** The longest note of a removal. */
export const MAX_NOTE_LENGTH = 64;
/** The note of a live entry that a put with `"any"` replaced. */
export const REPLACED = "replaced";
/** The note of a live entry that the store dropped for space. */
export const EVICTED = "evicted";
/** The largest limit of a page or of a sweep. */
export const MAX_PAGE = 1_000;
/** How many expired entries a put reclaims at most: more than it adds, so that what has expired never piles up. */
export const RECLAIM_PER_PUT = 2;
