/** How a store asks its shards: over RPC, with a deadline, and only those that belong to it. */
import { StoreError } from "../errors.ts";
import { systemTimer } from "../time/timer.ts";
import type { ShardNamespace } from "./durable-object.ts";
import type { ShardAnswer, ShardCall, ShardCalls, ShardStub } from "./shard-wire.ts";

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
