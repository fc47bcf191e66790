/** The port over node-redis 5 and 6: a client, a cluster, or a sentinel. */
import { StoreError } from "../../errors.ts";
import type { ListenHandlers, Listening, RedisPort } from "./redis-port.ts";
import { hashSlot } from "./shards.ts";

/** What a client, a cluster and a sentinel of node-redis have in common. Each is told by what else it has. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly isReady?: boolean;
  sendCommand(...args: never[]): Promise<unknown>;
  on(event: "error", listener: () => void): unknown;
  listeners(event: "error"): readonly unknown[];
}

interface SingleClient extends NodeRedisClient {
  readonly options?: { readonly socket?: object };
  sendCommand(args: readonly string[], options: object): Promise<unknown>;
  duplicate(overrides: object): Subscriber;
}

interface Subscriber {
  on(event: string, listener: () => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channels: readonly string[], listener: (text: string, channel: string) => void): Promise<unknown>;
  destroy(): void;
}

interface ClusterClient extends NodeRedisClient {
  readonly slots: readonly ({ readonly master: { readonly address: string } } | undefined)[];
  sendCommand(key: string, isReadonly: boolean, args: readonly string[], options: object): Promise<unknown>;
  nodeClient(node: object): SingleClient | Promise<SingleClient>;
}

interface SentinelClient extends NodeRedisClient {
  sendCommand(isReadonly: boolean, args: readonly string[], options: object): Promise<unknown>;
  _execute<T>(isReadonly: boolean, use: (master: SingleClient) => Promise<T>): Promise<T>;
}

/** Its own timeout costs more than the command, and the store has one; replies must be strings. */
const OPTIONS: object = Object.freeze({ timeout: 0, typeMapping: Object.freeze({}) });

/** @throws TypeError if it is none of them, or nobody has told it to connect */
export function nodeRedisPort(client: NodeRedisClient): RedisPort {
  if (typeof client?.sendCommand !== "function" || typeof client.isOpen !== "boolean") {
    throw new TypeError("Expected `client` to be a client of node-redis, or `fromIoredis(client)`");
  }
  // Its commands would wait for a connection that nobody makes, and a process that only waits ends without a word.
  if (!client.isOpen) throw new TypeError("Expected `client` to be connected: call `await client.connect()` first");
  hearErrors(client);
  if ("nodeClient" in client) return clusterPort(client as ClusterClient);
  return "_execute" in client ? sentinelPort(client as SentinelClient) : singlePort(client as SingleClient);
}

const ignore = (): void => {};

/** A connection that breaks says so by an event as well, and where nobody listens for it the process would end. */
function hearErrors(client: NodeRedisClient): void {
  if (!client.listeners("error").includes(ignore)) client.on("error", ignore);
}

/** Only some of them say whether they are ready. */
const readinessOf = (client: NodeRedisClient) => (): boolean => client.isReady ?? client.isOpen;

function singlePort(client: SingleClient): RedisPort {
  return {
    resends: false,
    isCluster: false,
    failsOver: false,
    isReady: readinessOf(client),
    send: (_key, command) => client.sendCommand(command, OPTIONS),
    sendBeside: (_key, command) => client.sendCommand(command, OPTIONS),
    serverOf: () => "",
    listen: (_key, handlers) => listenBeside(client, handlers),
  };
}

/** A cluster sends a command again only when it was told that another server has the key: nothing has happened then. */
function clusterPort(client: ClusterClient): RedisPort {
  const masterOf = (key: string) => client.slots[hashSlot(key)]?.master;
  const send = (key: string, command: readonly string[]) => client.sendCommand(key, false, command, OPTIONS);
  return {
    resends: false,
    isCluster: true,
    failsOver: true,
    isReady: readinessOf(client),
    send,
    // The client would send a command without a key to all masters.
    sendBeside: async (key, command) =>
      (await client.nodeClient(knownMaster(masterOf(key)))).sendCommand(command, OPTIONS),
    serverOf: (key) => masterOf(key)?.address,
    listen: async (key, handlers) => listenBeside(await client.nodeClient(knownMaster(masterOf(key))), handlers),
  };
}

function knownMaster<T>(master: T | undefined): T {
  if (master === undefined) throw new StoreError("store_unavailable", "No server of the Redis Cluster has the shard");
  return master;
}

/** A sentinel sends a command again when the connection to the master broke meanwhile. */
function sentinelPort(client: SentinelClient): RedisPort {
  const send = (_key: string, command: readonly string[]) => client.sendCommand(false, command, OPTIONS);
  return {
    resends: true,
    isCluster: false,
    failsOver: true,
    isReady: readinessOf(client),
    send,
    sendBeside: send,
    serverOf: () => "",
    // It gives the master's own client to nobody else, and that can be duplicated.
    // oxlint-disable-next-line no-underscore-dangle
    listen: (_key, handlers) => client._execute(false, async (master) => listenBeside(master, handlers)),
  };
}

async function listenBeside(client: SingleClient, handlers: ListenHandlers): Promise<Listening> {
  const own = client.duplicate({
    socket: { ...client.options?.socket, reconnectStrategy: false },
    clientSideCache: undefined,
    emitInvalidate: false,
    disableOfflineQueue: false,
    pingInterval: undefined,
    commandOptions: OPTIONS,
  });
  let isOver = false;
  const end = (): void => {
    if (isOver) return;
    isOver = true;
    handlers.ended();
    try {
      own.destroy();
    } catch {
      // It was not open any more.
    }
  };
  own.on("error", end);
  own.on("end", end);
  try {
    await own.connect();
  } catch (error) {
    end();
    throw error;
  }
  return {
    subscribe: (channels) => own.subscribe(channels, (text, channel) => handlers.message(channel, text)),
    close: end,
  };
}
