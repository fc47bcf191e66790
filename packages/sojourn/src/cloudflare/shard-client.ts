/**
 * How a store asks its shards: over RPC, with a deadline, and only those that belong to it; and the entries that it
 * keeps from earlier answers.
 */
import { StoreError } from "../errors.ts";
import { isCacheable, recentMap } from "../store/recent-map.ts";
import type { Entry } from "../store/store.ts";
import { systemTimer } from "../time/timer.ts";
import type { ShardNamespace } from "./durable-object.ts";
import type { EntryState, ShardAnswer, ShardCall, ShardCalls, ShardStub } from "./shard-wire.ts";

/** The objects of a store. */
export interface ShardClientOptions {
  readonly binding: ShardNamespace;
  readonly shards: number;
  readonly namespace: string;
  /** In milliseconds. */
  readonly deadline: number;
  readonly locationHint: string | undefined;
}

/** Makes a call of one shard. Rejects with what the shard throws, or with a `StoreError`. */
export type AskShard = <Call extends ShardCall>(
  shard: number,
  call: Call,
  given: Parameters<ShardCalls[Call]>,
) => Promise<ReturnType<ShardCalls[Call]>>;

export function shardClient(options: ShardClientOptions): AskShard {
  const { binding, shards, namespace, deadline, locationHint } = options;
  const ids: (object | undefined)[] = [];
  const where = locationHint === undefined ? undefined : { locationHint };

  /** A new stub for each call: it belongs to one request, and is of no use any more after an error. */
  function stubOf(shard: number): ShardStub {
    const id = (ids[shard] ??= binding.idFromName(`${namespace}/${shard}`));
    return binding.get(id, where) as ShardStub;
  }

  /** One promise and one timer: what a call costs here is added to each request. */
  async function send<T>(shard: number, call: (stub: ShardStub) => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const callOff = systemTimer.after(deadline, () => {
        reject(new StoreError("store_timeout", `A Durable Object did not answer within ${deadline} ms`));
      });
      function fail(error: unknown): void {
        callOff();
        reject(unavailable(error));
      }
      try {
        // oxlint-disable-next-line promise/always-return -- the promise around it is the one that is used
        call(stubOf(shard)).then((answer) => {
          callOff();
          resolve(answer);
        }, fail);
      } catch (error) {
        fail(error);
      }
    });
  }

  async function join(shard: number): Promise<void> {
    const joined = valueOf(await send(shard, (stub) => stub.join(shards)));
    if (joined !== shards) throw otherStore(joined);
  }

  return async (shard, call, given) => {
    let answer = await send(shard, (stub) => stub.ask(shards, call, given));
    if ("shards" in answer && answer.shards === null) {
      // The first one is asked before, so that two stores with different numbers cannot both find shards to join.
      if (shard !== 0) await join(0);
      await join(shard);
      answer = await send(shard, (stub) => stub.ask(shards, call, given));
    }
    return valueOf(answer);
  };

  function valueOf<T>(answer: ShardAnswer<T>): T {
    if ("value" in answer) return answer.value;
    if ("fault" in answer) throw new StoreError(answer.fault, answer.message);
    if ("misuse" in answer) throw new TypeError(answer.misuse);
    throw otherStore(answer.shards);
  }

  function otherStore(found: number | null): StoreError {
    return new StoreError(
      "store_schema",
      `The Durable Objects of the namespace "${namespace}" are ${found} shards, and the store was made for ${shards}: ` +
        "the number cannot be changed",
    );
  }
}

/** What the runtime throws when an object cannot be reached, is overloaded, or was reset in the middle of a call. */
function unavailable(cause: unknown): StoreError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const overloaded = (Object(cause) as { readonly overloaded?: unknown }).overloaded === true;
  const message = overloaded ? "A Durable Object has too much to do" : "A Durable Object did not answer";
  return new StoreError("store_unavailable", `${message} (${text})`, { cause });
}

/** Entries that were read before. A shard is asked at each read whether one is still in that state. */
export interface ReadEntries {
  /** @param ask asks the shard, and says in which state the entry was read before */
  read(
    key: string,
    ask: (state: EntryState | undefined) => Promise<Entry | "unchanged" | undefined>,
  ): Promise<Entry | undefined>;
  forget(): void;
}

/** @param max how many are kept at most; 0 for none */
export function readEntries(max: number): ReadEntries {
  const entries = recentMap<Entry>(max);
  return {
    async read(key, ask) {
      const before = entries.get(key);
      const found = await ask(before && [before.rev, before.touchedAt, before.expiresAt]);
      if (found === "unchanged") return before;
      if (found === undefined || max === 0 || !isCacheable(found)) {
        if (before !== undefined) entries.delete(key);
        return found;
      }
      const entry = Object.freeze({ ...found, memo: {} });
      entries.set(key, entry);
      return entry;
    },
    forget: () => entries.clear(),
  };
}
