/** What a store and its shards say to each other. Faults travel as values: an error loses its code on the way. */
import { StoreError, type StoreErrorCode } from "../errors.ts";
import type { Refused } from "../store/revocation-order.ts";
import type { Entry, Expected, Head, Put, Store } from "../store/store.ts";

/** Which state of an entry the asker has: a rev and both instants, which a touch moves without a new rev, are one. */
export type EntryState = readonly [rev: string, touchedAt: number, expiresAt: number];

/** The calls of a shard: those of a store, some with what the order of revocations needs, and one of its own. */
export interface ShardCalls extends Pick<
  Store<"sync">,
  "delete" | "list" | "touch" | "listByOwner" | "count" | "sweep"
> {
  /** The live entry; `"unchanged"` if that is in the state in which the asker has it. */
  get(key: string, now: number, before: EntryState | undefined): Entry | "unchanged" | undefined;
  /** @param seen the number of the shard's last revocation that was known when the creation began */
  put(
    entry: Entry,
    expected: Expected,
    now: number,
    seen: number,
  ): Exclude<Put, { readonly outcome: "revoked" }> | Refused;
  /** What was removed, and the number of the revocation. */
  revokeOwner(owner: string, except: string | undefined): { readonly heads: readonly Head[]; readonly number: number };
  /** When the entries that have expired first did so, at most `limit` of them, the earliest first. */
  expired(now: number, limit: number): readonly number[];
}

export type ShardCall = keyof ShardCalls;

/** What a shard answers. */
export type ShardAnswer<T = unknown> =
  | { readonly value: T }
  | { readonly fault: StoreErrorCode; readonly message: string }
  /** A `TypeError`. */
  | { readonly misuse: string }
  /** It belongs to a store of so many shards, which is not the one that asks; `null`: to none yet. */
  | { readonly shards: number | null };

/** A Durable Object as a store sees it. */
export interface ShardStub {
  /** Makes a call, on behalf of a store of so many shards. */
  ask<Call extends ShardCall>(
    shards: number,
    call: Call,
    given: Parameters<ShardCalls[Call]>,
  ): Promise<ShardAnswer<ReturnType<ShardCalls[Call]>>>;
  /** Makes it a shard of a store of so many, unless it is one already; of how many it is now. */
  join(shards: number): Promise<ShardAnswer<number>>;
}

/** What a call gives, or what it throws, as an answer. */
export function answerOf<T>(call: () => T): ShardAnswer<T> {
  try {
    return { value: call() };
  } catch (error) {
    if (error instanceof StoreError) return { fault: error.code, message: error.message };
    if (error instanceof TypeError) return { misuse: error.message };
    throw error;
  }
}
