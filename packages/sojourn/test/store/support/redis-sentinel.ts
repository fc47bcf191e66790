/** A master, a replica, and three sentinels that promote the replica when the master is gone. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ask } from "./redis-ask.ts";
import { isCaughtUp, isInSync, QUICK_SYNC } from "./redis-cluster.ts";
import { reapedFolder } from "./redis-reaper.ts";
import { freePort, startRedis, type RedisServer } from "./redis-server.ts";
import { until } from "./redis-until.ts";

/** What the sentinels call the master. */
export const MASTER_NAME = "sojourn";

const SENTINELS = 3;
/** After how long without an answer a sentinel takes a server for dead, in milliseconds. */
const DOWN_AFTER = 800;

/**
 * How often a sentinel tells the others what it knows, in milliseconds. It makes a server a replica again that has called
 * itself master for four of these periods, unless it has heard so from the one that promotes it, which looks once a second.
 * Shorter than a third of a second, they work against each other.
 */
const TELLING = 500;

/** A group that is in order. */
export interface RedisSentinel {
  readonly sentinels: readonly RedisServer[];
  /** The two servers with data; at first, the first is the master. */
  readonly servers: readonly [RedisServer, RedisServer];
  /** The server that the sentinels call the master, and that says itself that it is. */
  master(): Promise<RedisServer>;
  /** Resolves when a certain server is the master, to every sentinel and to itself. */
  promoted(server: RedisServer): Promise<void>;
  /** Tells the sentinels to make the replica the master, while the master lives. Resolves when all of them call it so. */
  failOver(): Promise<void>;
  /** Resolves when the other server is a replica of the master, and in sync. */
  inSync(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a group. `args` are for the servers with data. */
export async function startSentinel(args: readonly string[] = []): Promise<RedisSentinel> {
  const started: RedisServer[] = [];
  const start = async (options: Parameters<typeof startRedis>[0]): Promise<RedisServer> => {
    const server = await startRedis(options);
    started.push(server);
    return server;
  };
  const stop = async (): Promise<void> => void (await Promise.all(started.map(async (server) => server.stop())));
  try {
    const first = await start({ args: [...QUICK_SYNC, ...args] });
    const second = await start({ args: [...QUICK_SYNC, ...args, "--replicaof", "127.0.0.1", `${first.port}`] });
    await until("the replica to be in sync", async () => isInSync(second.port));
    // Only then does the master count on it.
    await until("the replica to say so", async () => isCaughtUp(first.port));
    const sentinels = await Promise.all(Array.from({ length: SENTINELS }, async () => start(await watching(first))));
    await tellOften(sentinels);
    await Promise.all(sentinels.map(async (sentinel) => settle(sentinel)));
    return groupOf([first, second], sentinels, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

function groupOf(
  servers: readonly [RedisServer, RedisServer],
  sentinels: readonly RedisServer[],
  stop: () => Promise<void>,
): RedisSentinel {
  const isMaster = async (server: RedisServer): Promise<boolean> => {
    for (const { port } of sentinels.filter(({ running }) => running)) {
      const [, named] = (await ask(port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER_NAME)) as [string, string];
      if (Number(named) !== server.port) return false;
    }
    return /^role:master\r$/m.test(String(await ask(server.port, "INFO", "replication")));
  };
  const master = async (): Promise<RedisServer> => {
    let found = servers[0];
    await until("a master", async () => {
      for (const server of servers.filter(({ running }) => running)) {
        if (!(await isMaster(server))) continue;
        found = server;
        return true;
      }
      return false;
    });
    return found;
  };
  return {
    servers,
    sentinels,
    stop,
    master,
    promoted: async (server) => until("the promotion", async () => isMaster(server)),
    async failOver() {
      const next = servers[(await master()) === servers[0] ? 1 : 0];
      const [first] = sentinels as [RedisServer];
      await until("one to begin", async () => (await ask(first.port, "SENTINEL", "FAILOVER", MASTER_NAME)) === "OK");
      await until("the promotion", async () => isMaster(next));
    },
    async inSync() {
      const { port } = await master();
      for (const server of servers) {
        if (server.port !== port) await until("the replica to be in sync", async () => isInSync(server.port));
      }
    },
  };
}

/** The settings of a sentinel. It writes what it learns into their file, so each has its own. */
async function watching({ port }: RedisServer): Promise<NonNullable<Parameters<typeof startRedis>[0]>> {
  const config = join(reapedFolder("sentinel"), "sentinel.conf");
  const own = await freePort();
  await writeFile(
    config,
    `port ${own}
sentinel monitor ${MASTER_NAME} 127.0.0.1 ${port} 2
sentinel down-after-milliseconds ${MASTER_NAME} ${DOWN_AFTER}
sentinel failover-timeout ${MASTER_NAME} 5000
sentinel parallel-syncs ${MASTER_NAME} 1
`,
  );
  return { port: own, config, args: ["--sentinel"] };
}

/** Makes sentinels tell each other what they know more often than every two seconds, where they can. */
async function tellOften(sentinels: readonly RedisServer[]): Promise<void> {
  const settings = ["PUBLISH-PERIOD", `${TELLING}`, "INFO-PERIOD", "500"];
  const told = sentinels.map(async ({ port }) => ask(port, "SENTINEL", "DEBUG", ...settings).catch(() => undefined));
  await Promise.all(told);
}

/** Waits until a sentinel knows the replica and the other sentinels. */
async function settle({ port }: RedisServer): Promise<void> {
  await until("the sentinels to know each other", async () => {
    const answer = (await ask(port, "SENTINEL", "MASTER", MASTER_NAME)) as readonly string[];
    const value = (name: string): string | undefined => answer[answer.indexOf(name) + 1];
    return value("num-slaves") === "1" && value("num-other-sentinels") === `${SENTINELS - 1}`;
  });
}
