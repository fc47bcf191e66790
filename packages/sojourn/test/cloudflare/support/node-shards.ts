/** Shards without a workerd, over node:sqlite, so that a test can make one of several fail at a chosen moment. */
import { DatabaseSync } from "node:sqlite";
import type { ShardState } from "../../../src/cloudflare/durable-object.ts";
import { SessionShard, type ShardNamespace } from "../../../src/cloudflare/index.ts";
import type { ShardStub } from "../../../src/cloudflare/shard-wire.ts";

/** What happens to a call: nothing is done, or all is done and the answer is lost. */
export type ShardFault = "fail" | "lose-reply";

export interface NodeShards extends ShardNamespace {
  /** The calls of a shard fail so, until it is `undefined` again. */
  readonly faults: Map<string, ShardFault>;
}

export function nodeShards(): NodeShards {
  const shards = new Map<string, SessionShard>();
  const faults = new Map<string, ShardFault>();

  function stubOf(name: string): ShardStub {
    const shard = shards.get(name) ?? new SessionShard(state(), {});
    shards.set(name, shard);
    const send = async <T>(call: () => T | Promise<T>): Promise<T> => {
      // A turn of the event loop later, as over a network.
      await Promise.resolve();
      if (faults.get(name) === "fail") throw new Error("Network connection lost.");
      const answer = await call();
      if (faults.get(name) === "lose-reply") throw new Error("Network connection lost.");
      return structuredClone(answer);
    };
    return {
      ask: async (count, call, given) => send(() => shard.ask(count, call, structuredClone(given)) as never),
      join: async (count) => send(() => shard.join(count)),
    };
  }

  const binding: NodeShards = {
    faults,
    idFromName: (name) => ({ name }),
    get: (id) => stubOf((id as { readonly name: string }).name),
    jurisdiction: () => binding,
  };
  return binding;
}

function state(): ShardState {
  const database = new DatabaseSync(":memory:");
  return {
    storage: {
      sql: { exec: (query, ...values) => ({ toArray: () => database.prepare(query).all(...values) }) },
      transactionSync(work) {
        database.exec("BEGIN");
        try {
          const result = work();
          database.exec("COMMIT");
          return result;
        } catch (error) {
          database.exec("ROLLBACK");
          throw error;
        }
      },
      getAlarm: async () => null,
      setAlarm: async () => undefined,
    },
  };
}
