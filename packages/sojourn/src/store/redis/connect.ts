/** What is asked of the servers before the first call: version, clock, settings, and the number of shards. */
import { GuaranteeError, StoreError } from "../../errors.ts";
import type { Clock } from "../../time/clock.ts";
import type { Guarantees } from "../store.ts";
import type { Calls } from "./calls.ts";
import type { RedisPort } from "./redis-port.ts";
import { PROVEN_FOR } from "./master-guard.ts";
import { OPEN } from "./shard-scripts.ts";

/** How far the clocks of a server and of a process may be apart, in milliseconds. */
const MAX_SKEW = 1_000;
const OLDEST = [6, 2] as const;

/** Whom to ask, and what is known already. */
export interface Connecting {
  readonly port: RedisPort;
  readonly calls: Calls;
  readonly clock: Clock;
  /** Whether a skew of the clocks is refused. */
  readonly checkClock: boolean;
  /** What a marker begins with: the version of the layout, the number of shards, and `+`. */
  readonly stamp: string;
}

/** What the server of a shard has answered. */
export interface OpenedShard {
  /** The marker without the instant until which it lasts. */
  readonly epoch: string;
  /** What `INFO` says. */
  readonly info: ReadonlyMap<string, string>;
  /** By how many milliseconds the server's clock is ahead. */
  readonly ahead: number;
  /** The names that the server gives to the scripts. */
  readonly shas: readonly string[];
}

/**
 * Makes the marker of a shard, or reads it.
 *
 * @throws StoreError `store_schema` if it says another number of shards; `store_unavailable` for a skew of the clocks
 * @throws GuaranteeError if the server is too old
 */
export async function openShard(
  { port, calls, clock, checkClock, stamp }: Connecting,
  marker: string,
  scripts: readonly string[],
): Promise<OpenedShard> {
  // Before anything that an older server would answer with a mere mistake.
  const asked = await calls.run(
    () => port.send(marker, ["EVAL", "return redis.call('INFO')", "1", marker]).catch(refuseWithoutScripts),
    (reply) => fieldsOf(reply as string),
  );
  checkVersion(asked);
  const beganAt = clock.now();
  const reply = await calls.run(
    () => port.send(marker, ["EVAL", OPEN, "1", marker, stamp, ...scripts]),
    (answer) => answer as readonly string[],
  );
  const endedAt = clock.now();
  const [mark = "", seconds, micros, ...shas] = reply;
  if (!mark.startsWith(stamp.slice(0, -1))) throw otherShards(mark, stamp);
  const server = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  if (checkClock) checkSkew(server, beganAt, endedAt);
  return { epoch: mark.slice(0, -17), info: asked, ahead: server - (beganAt + endedAt) / 2, shas };
}

/** There are servers that speak the protocol and run no scripts. */
function refuseWithoutScripts(error: unknown): never {
  const text = error instanceof Error ? error.message : "";
  if (!/unknown command|not supported|unsupported/i.test(text)) throw error;
  throw new GuaranteeError(
    `Expected a server that runs scripts (\`EVAL\`), as Redis ${OLDEST.join(".")} and Valkey do; its answer was: ${text.slice(0, 100)}`,
    { cause: error },
  );
}

function otherShards(mark: string, stamp: string): StoreError {
  const [version, count] = mark.split(" ");
  const text =
    version === stamp.split(" ")[0]
      ? `The entries in Redis are spread over ${count} shards, and that cannot change; \`shards\` is ${stamp.split(" ")[1]}`
      : "The entries in Redis were written by another version of this library; use that one, or another `prefix`";
  return new StoreError("store_schema", text);
}

function checkVersion(info: ReadonlyMap<string, string>): void {
  const version = info.get("redis_version") ?? "unknown";
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new GuaranteeError(`Expected Redis ${OLDEST.join(".")} or later, or Valkey, got Redis ${version}`);
}

/** The server looked at its clock between the two instants. */
function checkSkew(server: number, from: number, till: number): void {
  const skew = server < from ? from - server : Math.max(0, server - till);
  if (skew <= MAX_SKEW) return;
  throw new StoreError(
    "store_unavailable",
    `The clocks of Redis and of this process are ${Math.round(skew)} ms apart, more than ${MAX_SKEW}`,
  );
}

function fieldsOf(info: string): ReadonlyMap<string, string> {
  return new Map(
    info.split("\r\n").flatMap((line) => {
      const colon = line.indexOf(":");
      return colon < 0 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

/**
 * What the servers promise, from what is really set on them.
 *
 * With `appendfsync everysec` a server answers before it writes, for as long as its last fsync takes: up to two seconds
 * of acknowledged writes die with its process, so that is "none". With `no` they are always in the kernel when it
 * answers, and with `always` on the disk.
 */
export async function guaranteesOf(
  { port, calls }: Connecting,
  marker: string,
  shards: readonly OpenedShard[],
): Promise<Guarantees> {
  const infos = shards.map(({ info }) => info);
  const fsync = await calls.run(
    () => port.sendBeside(marker, ["CONFIG", "GET", "appendfsync"]).catch(() => []),
    // A list of names and values, or a map, by the version of the protocol.
    (reply) => (Array.isArray(reply) ? reply : Object.entries(reply as object).flat())[1] as string | undefined,
  );
  const isWritten = infos.every((info) => info.get("aof_enabled") === "1");
  const durability = !isWritten ? "none" : fsync === "always" ? "power" : fsync === "no" ? "process" : "none";
  return Object.freeze({
    durability,
    atomic: shards.length === 1,
    staleMs: PROVEN_FOR,
    evicts: infos.some((info) => info.get("maxmemory") !== "0" && info.get("maxmemory_policy") !== "noeviction"),
    failoverLoss: port.failsOver || infos.some((info) => Number(info.get("connected_slaves")) > 0),
    exactOrder: false,
    removalsMs: 0,
  });
}
