/** A Redis Cluster: three masters with a replica each. */
import { ask } from "./redis-ask.ts";
import { startRedis, type RedisServer } from "./redis-server.ts";
import { until } from "./redis-until.ts";

const MASTERS = 3;
const SLOTS = 16_384;
/** After how long without an answer a node is taken for dead, in milliseconds. */
const NODE_TIMEOUT = 1_000;

/** A cluster that is in order. */
export interface RedisCluster {
  /** All nodes; at first, the first three are the masters, and node 3 + n is the replica of node n. */
  readonly nodes: readonly RedisServer[];
  /** The port of the master of a key's slot, as one of the running nodes says it. */
  masterOf(key: string): Promise<number>;
  /** Resolves when every running node says that others serve what the master at a port has served. */
  replaced(port: number): Promise<void>;
  /** Resolves when every running node that is a replica has all of its master's data. */
  inSync(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a cluster. `args` are for every node. */
export async function startCluster(args: readonly string[] = []): Promise<RedisCluster> {
  const settings = ["--cluster-enabled", "yes", "--cluster-node-timeout", `${NODE_TIMEOUT}`, ...QUICK_SYNC, ...args];
  const nodes = await Promise.all(Array.from({ length: 2 * MASTERS }, async () => startRedis({ args: settings })));
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map(async (node) => node.stop())));
  try {
    await join(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  const running = (): RedisServer[] => nodes.filter((node) => node.running);
  const ready = async (): Promise<void> => {
    for (const { port } of running()) await until("the cluster to be in order", async () => isInOrder(port));
  };
  const replaced = async (gone: number): Promise<void> => {
    for (const { port } of running()) await until("a promotion", async () => !(await servesAt(port, gone)));
    await ready();
  };
  const inSync = async (): Promise<void> => {
    for (const { port } of running()) {
      await until("the replicas to be in sync", async () => (await isMaster(port)) || isInSync(port));
    }
  };
  await ready();
  await inSync();
  return { nodes, stop, replaced, inSync, masterOf: async (key) => masterOf(running()[0]?.port ?? 0, key) };
}

/** What makes a replica begin at once: no wait for others that could share the transfer. */
export const QUICK_SYNC: readonly string[] =
  "--repl-diskless-sync yes --repl-diskless-sync-delay 0 --repl-ping-replica-period 1".split(" ");

/** Makes one cluster of nodes that do not know each other. */
async function join(nodes: readonly RedisServer[]): Promise<void> {
  // Before they meet: a node that knows another takes no epoch.
  for (const [index, { port }] of nodes.entries()) await ask(port, "CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`);
  for (const [index, { port }] of nodes.entries()) {
    if (index < MASTERS) await ask(port, "CLUSTER", "ADDSLOTS", ...slotsOf(index));
    // All pairs meet at once, which spares the rounds that it takes for the news to spread.
    for (const other of nodes.slice(index + 1)) await ask(port, "CLUSTER", "MEET", "127.0.0.1", `${other.port}`);
  }
  const expected = new RegExp(`^cluster_known_nodes:${nodes.length}\r$`, "m");
  for (const { port } of nodes) {
    await until("the nodes to know each other", async () => expected.test(await text(port, "CLUSTER", "INFO")));
  }
  for (const [index, { port }] of nodes.slice(MASTERS).entries()) {
    const master = await text(nodes[index]?.port ?? 0, "CLUSTER", "MYID");
    await until("a replica to know its master", async () =>
      ask(port, "CLUSTER", "REPLICATE", master).then(
        () => true,
        () => false,
      ),
    );
  }
}

function slotsOf(index: number): string[] {
  const [from, to] = [index, index + 1].map((edge) => Math.round((edge * SLOTS) / MASTERS));
  return Array.from({ length: (to ?? 0) - (from ?? 0) }, (_, slot) => `${(from ?? 0) + slot}`);
}

/** Whether a node says that all slots are served, by masters that it can reach. */
async function isInOrder(port: number): Promise<boolean> {
  const [info, nodes] = [await text(port, "CLUSTER", "INFO"), await text(port, "CLUSTER", "NODES")];
  const masters = nodes.split("\n").filter((line) => / (?:myself,)?master /.test(line) && / connected \S/.test(line));
  return /^cluster_state:ok\r$/m.test(info) && masters.length === MASTERS;
}

/** Whether every replica of a master has taken all that the master has written so far. */
export async function isCaughtUp(port: number): Promise<boolean> {
  const info = await text(port, "INFO", "replication");
  const written = Number(/^master_repl_offset:(\d+)\r$/m.exec(info)?.[1]);
  const taken = [...info.matchAll(/^slave\d+:.*\bstate=online,offset=(\d+)/gm)].map(([, offset]) => Number(offset));
  return taken.length > 0 && taken.every((offset) => offset >= written);
}

async function isMaster(port: number): Promise<boolean> {
  return /^role:master\r$/m.test(await text(port, "INFO", "replication"));
}

/** Whether a replica has all of its master's data. */
export async function isInSync(port: number): Promise<boolean> {
  const info = await text(port, "INFO", "replication");
  return /^role:slave\r$/m.test(info) && /^master_link_status:up\r$/m.test(info);
}

/** The first and the last slot of a range, and the address of its master. */
type Range = readonly [number, number, readonly [string, number]];

/** Whether a node says that another is the master of some slots. */
async function servesAt(port: number, other: number): Promise<boolean> {
  return ((await ask(port, "CLUSTER", "SLOTS")) as readonly Range[]).some(([, , [, master]]) => master === other);
}

async function masterOf(port: number, key: string): Promise<number> {
  const slot = Number(await ask(port, "CLUSTER", "KEYSLOT", key));
  const ranges = (await ask(port, "CLUSTER", "SLOTS")) as readonly Range[];
  const range = ranges.find(([from, to]) => from <= slot && slot <= to);
  if (range === undefined) throw new Error(`No node serves slot ${slot}`);
  return range[2][1];
}

async function text(port: number, ...command: readonly string[]): Promise<string> {
  return String(await ask(port, ...command));
}
