/** The port over ioredis 5 and 6: a single server, Sentinel, or a Cluster. */
import { StoreError } from "../../errors.ts";
import { systemTimer } from "../../time/timer.ts";
import type { ListenHandlers, Listening, RedisPort } from "./redis-port.ts";
import { hashSlot } from "./shards.ts";

/** How long to wait before looking for the master once more, in milliseconds: the connection is cut for it. */
const SEARCH_PAUSE = 1_000;

/** What there is to tell a client of ioredis by: a `Redis`, also one with `sentinels`, or a `Cluster`. */
export interface IoredisClient {
  readonly status: string;
  readonly isCluster: boolean;
  call(command: string, ...args: never[]): Promise<unknown>;
}

interface SingleClient extends IoredisClient {
  readonly options: SingleOptions;
  call(command: string, args: readonly string[]): Promise<unknown>;
  duplicate(overrides: object): Subscriber;
  disconnect(reconnect?: boolean): void;
}

/** What of a client's options matters here. */
interface SingleOptions {
  readonly keyPrefix?: string;
  readonly autoResendUnfulfilledCommands?: boolean;
  readonly sentinels?: readonly unknown[] | null;
  readonly host?: string;
  readonly port?: number;
}

interface Subscriber {
  on(event: "message", listener: (channel: string, text: string) => void): unknown;
  on(event: string, listener: () => void): unknown;
  connect(): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  disconnect(): void;
}

interface ClusterClient extends IoredisClient {
  readonly options: {
    readonly keyPrefix?: string;
    readonly scaleReads?: unknown;
    readonly retryDelayOnFailover?: number;
  };
  readonly slots: readonly (readonly string[] | undefined)[];
  call(command: string, args: readonly string[]): Promise<unknown>;
  nodes(role: "master"): readonly SingleClient[];
  refreshSlotsCache(): void;
}

/**
 * A client of ioredis, for the option `client` of `redisStore`. It stays the caller's: closing the store leaves it open.
 * With `autoResendUnfulfilledCommands: false` a new session costs the server less: the store need not see to it that a
 * command which the client sends twice counts once.
 *
 * @example
 * ```ts
 * import { Redis } from "ioredis";
 * import { createSessions } from "sojourn";
 * import { fromIoredis, redisStore } from "sojourn/redis";
 *
 * const client = new Redis("redis://127.0.0.1:6379");
 * const sessions = createSessions({ store: await redisStore({ client: fromIoredis(client) }) });
 * console.log(await sessions.count()); // 0
 * client.disconnect();
 * ```
 * @throws TypeError if it is none, if it has a `keyPrefix` (the store has a `prefix`), or if it reads from replicas
 */
export function fromIoredis(client: IoredisClient): RedisPort {
  if (typeof client?.call !== "function" || typeof client.status !== "string") {
    throw new TypeError("Expected a client of ioredis");
  }
  const known = client as SingleClient | ClusterClient;
  if (known.options.keyPrefix) {
    throw new TypeError(
      "Expected a client without `keyPrefix`, which does not reach the keys in scripts: use `prefix`",
    );
  }
  return client.isCluster ? clusterPort(client as ClusterClient) : singlePort(client as SingleClient);
}

/** A client that connects when it is first used waits for that. */
const readinessOf = (client: IoredisClient) => (): boolean => client.status === "ready" || client.status === "wait";

function singlePort(client: SingleClient): RedisPort {
  const send = (_key: string, [name = "", ...args]: readonly string[]) => client.call(name, args);
  let searchedAt = Number.NEGATIVE_INFINITY;
  return {
    resends: client.options.autoResendUnfulfilledCommands !== false,
    isCluster: false,
    failsOver: (client.options.sentinels ?? []).length > 0,
    isReady: readinessOf(client),
    send,
    sendBeside: send,
    serverOf: () => "",
    listen: (_key, handlers) => listenBeside(client, handlers),
    searchMaster() {
      const now = systemTimer.elapsed();
      if (now - searchedAt < SEARCH_PAUSE) return;
      searchedAt = now;
      // It connects to whatever server the sentinels, or the name, stand for now.
      client.disconnect(true);
    },
  };
}

function clusterPort(client: ClusterClient): RedisPort {
  if (client.options.scaleReads !== undefined && client.options.scaleReads !== "master") {
    throw new TypeError("Expected a Cluster that reads from its masters: what a replica says may be out of date");
  }
  const addressOf = (key: string) => client.slots[hashSlot(key)]?.[0];
  const masterOf = (key: string): SingleClient => {
    const address = addressOf(key);
    const master = client.nodes("master").find(({ options }) => `${options.host}:${options.port}` === address);
    if (master === undefined) throw new StoreError("store_unavailable", "No server of the Redis Cluster has the shard");
    return master;
  };
  return {
    resends: client.options.retryDelayOnFailover !== 0,
    isCluster: true,
    failsOver: true,
    isReady: readinessOf(client),
    send: (_key, [name = "", ...args]) => client.call(name, args),
    sendBeside: async (key, [name = "", ...args]) => masterOf(key).call(name, args),
    serverOf: addressOf,
    async listen(key, handlers) {
      try {
        return await listenBeside(masterOf(key), handlers);
      } catch (error) {
        // The client asks who took a server's place when a command fails, and a process that only listens sends none.
        client.refreshSlotsCache();
        throw error;
      }
    },
  };
}

async function listenBeside(client: SingleClient, handlers: ListenHandlers): Promise<Listening> {
  const own = client.duplicate({
    lazyConnect: true,
    enableOfflineQueue: true,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => null,
    reconnectOnError: null,
  });
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    handlers.ended();
    own.disconnect();
  };
  own.on("error", () => {});
  own.on("close", end);
  own.on("end", end);
  own.on("message", (channel, text) => handlers.message(channel, text));
  try {
    await own.connect();
  } catch (error) {
    end();
    throw error;
  }
  return { subscribe: (channels) => own.subscribe(...channels), close: end };
}
