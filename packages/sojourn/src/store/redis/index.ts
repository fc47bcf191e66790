/** Sessions in Redis or Valkey: any worker serves any request. */
import { systemClock, type Clock } from "../../time/clock.ts";
import { parseDuration, type Duration } from "../../time/duration.ts";
import { systemTimer } from "../../time/timer.ts";
import type { Store } from "../store.ts";
import { makeCalls } from "./calls.ts";
import { guaranteesOf, openShard } from "./connect.ts";
import { nodeRedisPort, type NodeRedisClient } from "./node-redis.ts";
import type { RedisPort } from "./redis-port.ts";
import { connectedStore } from "./redis-store.ts";
import { scriptRunner } from "./script-runner.ts";
import { DELETE, LIST, PUT, REVOKE, SWEEP, TOUCH } from "./scripts.ts";
import { markersOf } from "./shards.ts";

export { fromIoredis, type IoredisClient } from "./ioredis.ts";
export type { NodeRedisClient } from "./node-redis.ts";
export type { ListenHandlers, Listening, RedisPort } from "./redis-port.ts";

/** Options of `redisStore`. */
export interface RedisOptions {
  readonly client: NodeRedisClient | RedisPort;
  readonly prefix?: string;
  readonly shards?: number;
  readonly deadline?: Duration;
  readonly clock?: Clock;
  readonly checkClock?: boolean;
}

export async function redisStore(options: RedisOptions): Promise<Store<"async">> {
  const { client, prefix = "sojourn", shards = 1, clock = systemClock, checkClock = true } = options;
  const deadline = parseDuration(options.deadline ?? 1_000, "deadline");
  const port = "listen" in client ? client : nodeRedisPort(client);
  const calls = makeCalls(port, { deadline, timer: systemTimer });
  const markers = markersOf(prefix, shards);
  const stamp = `1 ${shards} `;
  const texts = [PUT, TOUCH, DELETE, REVOKE, SWEEP, LIST];
  const opening = { port, calls, clock, checkClock, markers, stamp };
  const [first] = await Promise.all(markers.map(async (marker) => openShard(opening, marker, texts)));
  const [put, touch, remove, revoke, sweep, list] = texts.map((text, index) => ({ text, sha: first!.shas[index]! }));
  const scripts = { put, touch, remove, revoke, sweep, list } as never;
  return connectedStore({
    port,
    calls,
    run: scriptRunner(port),
    scripts,
    markers,
    stamp,
    guarantees: guaranteesOf(),
    flushed: () => {},
  });
}
