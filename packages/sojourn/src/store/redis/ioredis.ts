/** The port over ioredis 5 and 6: a single server, Sentinel, or a Cluster. */
import type { RedisPort } from "./redis-port.ts";

/** What there is to tell a client of ioredis by, and to use of it. */
export interface IoredisClient {
  readonly status: string;
  readonly isCluster: boolean;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  call(command: string, args: string[]): Promise<unknown>;
}

/** What of a client's options matters here. */
interface IoredisOptions {
  readonly keyPrefix?: string;
  readonly autoResendUnfulfilledCommands?: boolean;
  readonly retryDelayOnFailover?: number;
}

/**
 * A client of ioredis, for the option `client` of `redisStore`. It stays the caller's: closing the store leaves it open.
 *
 * ```ts
 * const store = await redisStore({ client: fromIoredis(new Redis()) });
 * ```
 *
 * @throws TypeError if it is none, or has a `keyPrefix`: the store has a `prefix`
 */
export function fromIoredis(client: IoredisClient): RedisPort {
  if (typeof client?.call !== "function" || typeof client.status !== "string") {
    throw new TypeError("Expected a client of ioredis");
  }
  const { options = {} } = client as { readonly options?: IoredisOptions };
  if (options.keyPrefix) {
    throw new TypeError(
      "Expected a client without `keyPrefix`, which does not reach the keys in scripts: use `prefix`",
    );
  }
  return {
    resends: client.isCluster ? options.retryDelayOnFailover !== 0 : options.autoResendUnfulfilledCommands !== false,
    // A client that connects when it is first used waits for that.
    isReady: () => client.status === "ready" || client.status === "wait",
    onReady(listener) {
      client.on("ready", listener);
      return () => void client.off("ready", listener);
    },
    send: (_key, [name = "", ...args]) => client.call(name, args),
    listen: async () => Promise.reject(new Error("not built yet")),
  };
}
