/** Sessions in Redis or Valkey: any worker serves any request. */
import { GuaranteeError } from "../../errors.ts";
import { requireOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import { systemClock, type Clock } from "../../time/clock.ts";
import { parseDuration, type Duration } from "../../time/duration.ts";
import { systemTimer } from "../../time/timer.ts";
import { utf8Length } from "../check.ts";
import { revocationOrder } from "../revocation-order.ts";
import { fromStored } from "../stored-text.ts";
import type { Guarantees, Store, Watch } from "../store.ts";
import { makeCalls } from "./calls.ts";
import { guaranteesOf, openShard, type OpenedShard } from "./connect.ts";
import { DELETE, PUT, TOUCH } from "./entry-scripts.ts";
import { indexKeeper } from "./index-keeper.ts";
import { COUNT, DUE, LIST, REVOCATION_LIFETIME, REVOKE, SWEEP, WALK } from "./index-scripts.ts";
import { masterGuard } from "./master-guard.ts";
import { nodeRedisPort, type NodeRedisClient } from "./node-redis.ts";
import type { RedisPort } from "./redis-port.ts";
import { connectedStore, type ScriptName } from "./redis-store.ts";
import { removalsOf } from "./replies.ts";
import { scriptRunner, waitingRunner, type Script } from "./script-runner.ts";
import { timelyRunner } from "./server-time.ts";
import { PROBE, REBUILD } from "./shard-scripts.ts";
import { markersOf } from "./shards.ts";
import { watchShards, type Listener } from "./watch.ts";

export { fromIoredis, type IoredisClient } from "./ioredis.ts";
export type { NodeRedisClient } from "./node-redis.ts";
export type { ListenHandlers, Listening, RedisPort } from "./redis-port.ts";

/** Options of `redisStore`. */
export interface RedisOptions {
  /**
   * A connected client of node-redis 5 or 6 (`createClient`, `createCluster`, `createSentinel`), or `fromIoredis(client)`.
   * It stays the caller's: closing the store leaves it open.
   */
  readonly client: NodeRedisClient | RedisPort;
  /**
   * What all keys begin with. Stores with different prefixes on one server do not see each other. 1 to 512 bytes.
   * @default "sojourn"
   */
  readonly prefix?: string;
  /**
   * Over how many shards the entries are spread. One server needs one; a Redis Cluster keeps each shard on one of its
   * masters. The number is written down at the first use, and cannot change while there are entries.
   * @default 1, and 16 on a Redis Cluster
   */
  readonly shards?: number;
  /**
   * How long a call waits for its answer before it throws: milliseconds, or a string such as `"1s"`; at most a minute.
   * @default "1s"
   */
  readonly deadline?: Duration;
  /**
   * How many replicas must have a change before it is acknowledged. With fewer after `timeout`, the call throws
   * `store_timeout`; the change may stay all the same. It makes the loss of an acknowledged change less likely, and
   * does not rule it out: `guarantees.failoverLoss` stays. With a sentinel of node-redis, its `masterPoolSize` must be 1.
   * @default none
   */
  readonly wait?: { readonly replicas: number; readonly timeout: Duration };
  /**
   * What acknowledged changes survive, where the server does not let itself be asked (`CONFIG` is forbidden). It is
   * taken to be true.
   * @default what `CONFIG GET appendfsync` and `INFO` say
   */
  readonly durability?: Guarantees["durability"];
  /**
   * Whether a server is let in that may drop live sessions for space: one with a `maxmemory`, and a `maxmemory-policy`
   * other than `noeviction`. `guarantees.evicts` then says so. A session that is dropped is a user who is logged out; one
   * of which only the record is dropped is still counted, for as long as it would have lived. An index that is dropped is
   * made again from the records. Until then, the calls that need it wait, and may throw `store_timeout`.
   * @default false
   */
  readonly allowEviction?: boolean;
  /** The clock that the server's is compared with. @default the system's */
  readonly clock?: Clock;
  /**
   * Whether a server is refused whose clock is more than a second off. Only a test whose `now`s are not of this time
   * does without: Redis drops entries by its own clock, an hour after their end.
   * @default true
   */
  readonly checkClock?: boolean;
}

const OPTIONS: OptionNames<RedisOptions> = {
  client: true,
  prefix: true,
  shards: true,
  deadline: true,
  wait: true,
  durability: true,
  allowEviction: true,
  clock: true,
  checkClock: true,
};
/** The version of the layout. */
const LAYOUT = 2;
const CLUSTER_SHARDS = 16;
const MAX_SHARDS = 1_024;
const MAX_DEADLINE = 60_000;
/** A creation that began so long ago is refused unasked, well before a revocation is forgotten, in milliseconds. */
const LONGEST_CREATION: number = REVOCATION_LIFETIME - 60_000;
const SCRIPTS: Readonly<Record<ScriptName | "probe" | "rebuild", string>> = {
  put: PUT,
  touch: TOUCH,
  remove: DELETE,
  revoke: REVOKE,
  sweep: SWEEP,
  due: DUE,
  count: COUNT,
  list: LIST,
  walk: WALK,
  probe: PROBE,
  rebuild: REBUILD,
};

/**
 * A store in Redis 6.2 or later, or Valkey: a single server, Sentinel, or a Cluster. It asks the server what it is
 * first, hence the promise.
 *
 * @example
 * ```ts
 * import { createClient } from "redis";
 * import { createSessions } from "sojourn";
 * import { redisStore } from "sojourn/redis";
 *
 * const client = await createClient({ url: "redis://127.0.0.1:6379" }).connect();
 * const sessions = createSessions({ store: await redisStore({ client }) });
 * console.log(await sessions.count()); // 0
 * client.destroy();
 * ```
 * @throws TypeError for an option that is not what it should be
 * @throws StoreError `store_schema` if the entries are spread over another number of shards, or were written by a later
 *   version of this library; `store_unavailable` or `store_timeout` if the server cannot be reached, takes no writes, or its
 *   clock is more than a second off
 * @throws GuaranteeError if the server is too old, runs no scripts, or may evict and must not
 */
export async function redisStore(options: RedisOptions): Promise<Store<"async">> {
  requireOptions("redisStore", options, OPTIONS);
  const { client, prefix = "sojourn", clock = systemClock, checkClock = true } = options;
  const port = client !== null && typeof client === "object" && "listen" in client ? client : nodeRedisPort(client);
  const { shards, deadline, wait } = resolve(options, port);
  const timer = systemTimer;
  const calls = makeCalls(port, { deadline, timer });
  const markers = markersOf(prefix, shards);
  const stamp = `${LAYOUT} ${shards} +`;
  const names = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];
  const texts = names.map((name) => SCRIPTS[name]);
  const connecting = { port, calls, clock, checkClock, stamp };
  const opened: OpenedShard[] = [];
  const shown = new Map<string, { server: number; elapsed: number }>();
  try {
    for (const marker of markers) {
      // The first one decides if two processes with different numbers connect at once.
      const shard = await openShard(connecting, marker, texts);
      opened.push(shard);
      shown.set(marker, { server: clock.now() + shard.ahead, elapsed: timer.elapsed() });
    }
    const found = await guaranteesOf(connecting, markers[0]!, opened);
    const guarantees = Object.freeze({ ...found, durability: options.durability ?? found.durability });
    if (guarantees.evicts && options.allowEviction !== true) {
      throw new GuaranteeError(
        "Redis may drop live sessions when its memory is full: set `maxmemory-policy noeviction` on the server, or " +
          "say `allowEviction: true`",
      );
    }
    const scripts = Object.fromEntries(
      names.map((name, index) => [name, { text: SCRIPTS[name], sha: opened[0]!.shas[index]! }]),
    ) as Readonly<Record<keyof typeof SCRIPTS, Script>>;
    const read = scriptRunner(port);
    const write = wait === undefined ? read : waitingRunner(read, port, wait);
    const timely = port.resends ? timelyRunner({ run: write, timer, deadline, shown }).run : write;
    const order = revocationOrder({ shards, timer, clock, deadline, lifetime: LONGEST_CREATION });
    const guards = markers.map((marker, shard) => {
      const onNumber = (number: number): void => order.learn(shard, number);
      return masterGuard({ port, marker, timer, clock, onNumber });
    });
    const keeper = indexKeeper({ calls, run: read, rebuild: scripts.rebuild, stamp });
    // From here on the number of each shard's last revocation is known, whichever run of its server made it.
    await calls.run(
      async () => Promise.all(guards.map(async (guard) => guard.renew())),
      () => {},
    );
    for (const [shard, marker] of markers.entries()) {
      if (!opened[shard]!.epoch.startsWith(stamp)) await keeper.restore(marker);
    }
    const watches = new Map<Watch, Listener>();
    const epochs = opened.map(({ epoch }) => epoch);
    const listen = (listener: Listener): Watch => {
      calls.checkOpen();
      const shards = { port, calls, run: read, probe: scripts.probe, markers, stamp, epochs: [...epochs] };
      const watch = watchShards(shards, listener);
      const counted: Watch = {
        confirm: watch.confirm,
        async close() {
          watches.delete(counted);
          await watch.close();
        },
      };
      watches.set(counted, listener);
      return counted;
    };
    return connectedStore({
      port,
      calls,
      read,
      write,
      timely,
      keeper,
      scripts,
      markers,
      stamp,
      guards,
      order,
      guarantees,
      flushed: () => watches.forEach(({ missed }) => missed()),
      watch: (onChange) =>
        listen({ channel: ":c", told: (text) => onChange(fromStored(text)), missed: () => onChange(null) }),
      watchRemovals: (onRemoved) =>
        listen({
          channel: ":g",
          told: (text) => (removalsOf(text) ?? [null]).forEach((removed) => onRemoved(removed)),
          missed: () => onRemoved(null),
        }),
      release: async () => {
        for (const watch of watches.keys()) await watch.close();
      },
    });
  } catch (error) {
    calls.close();
    throw error;
  }
}

function resolve(options: RedisOptions, port: RedisPort) {
  const { prefix = "sojourn", shards = port.isCluster ? CLUSTER_SHARDS : 1 } = options;
  if (typeof prefix !== "string" || prefix === "" || utf8Length(prefix) > 512) {
    throw new TypeError(`Expected \`prefix\` to be a string of 1 to 512 bytes, got ${show(prefix)}`);
  }
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS) {
    throw new TypeError(`Expected \`shards\` to be 1 to ${MAX_SHARDS}, got ${show(shards)}`);
  }
  const deadline = parseDuration(options.deadline ?? "1s", "deadline");
  if (deadline > MAX_DEADLINE) {
    throw new TypeError(`Expected \`deadline\` to be at most a minute, got ${show(options.deadline)}`);
  }
  if (options.wait === undefined) return { shards, deadline, wait: undefined };
  const { replicas } = options.wait;
  const timeout = parseDuration(options.wait.timeout, "wait.timeout");
  if (!Number.isInteger(replicas) || replicas < 1) {
    throw new TypeError(`Expected \`wait.replicas\` to be a whole number, 1 or more, got ${show(replicas)}`);
  }
  if (timeout > deadline) {
    throw new TypeError(`Expected \`wait.timeout\` to be at most the deadline, got ${show(options.wait.timeout)}`);
  }
  return { shards, deadline, wait: { replicas, timeout } };
}
