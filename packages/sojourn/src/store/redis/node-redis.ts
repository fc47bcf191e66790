/** The port over node-redis 5 and 6: a client, a cluster, or a sentinel. */
import type { RedisPort } from "./redis-port.ts";

/** What there is to tell a node-redis client by, and to use of it. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  sendCommand(args: string[], options?: object): Promise<unknown>;
}

/** Its own timeout costs more than the command, and the store has one; its replies must be strings. */
const OPTIONS: object = Object.freeze({ timeout: 0, typeMapping: Object.freeze({}) });

export function nodeRedisPort(client: NodeRedisClient): RedisPort {
  return {
    resends: false,
    isReady: () => client.isReady ?? client.isOpen,
    onReady(listener) {
      client.on("ready", listener);
      return () => void client.off("ready", listener);
    },
    send: async (_key, command) => client.sendCommand(command as string[], OPTIONS),
    listen: async () => Promise.reject(new Error("not built yet")),
  };
}
