/** What is asked of the server before the first call: its version, its clock, its settings, the number of shards. */
import { StoreError } from "../../errors.ts";
import type { Clock } from "../../time/clock.ts";
import type { Guarantees } from "../store.ts";
import type { Calls } from "./calls.ts";
import type { RedisPort } from "./redis-port.ts";
import type { Script } from "./script-runner.ts";
import { OPEN } from "./scripts.ts";

const MAX_SKEW = 1_000;
const DAY = 86_400_000;

export interface Opening {
  readonly port: RedisPort;
  readonly calls: Calls;
  readonly clock: Clock;
  readonly checkClock: boolean;
  readonly markers: readonly string[];
  readonly stamp: string;
}

/** What a shard's server says. */
export interface Opened {
  readonly mark: string;
  readonly info: ReadonlyMap<string, string>;
  readonly shas: readonly string[];
}

/** @throws StoreError */
export async function openShard(
  { port, calls, clock, checkClock, stamp }: Opening,
  marker: string,
  texts: readonly string[],
): Promise<Opened> {
  const sentAt = clock.now();
  const command = ["EVAL", OPEN, "1", marker, stamp, `${sentAt + DAY}`, ...texts];
  const reply = await calls.run(
    () => port.send(marker, command),
    (answer) => answer as readonly string[],
  );
  const answeredAt = clock.now();
  const [mark = "", seconds, micros, info = "", ...shas] = reply;
  if (!mark.startsWith(stamp)) {
    const [version, count] = mark.split(" ");
    throw new StoreError(
      "store_schema",
      version === "1"
        ? `The entries in Redis are spread over ${count} shards, which cannot be changed; \`shards\` is ${markersCount(stamp)}`
        : "The entries in Redis were written by a newer version of this library",
    );
  }
  const server = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  if (checkClock) checkSkew(server, sentAt, answeredAt);
  return { mark, info: fieldsOf(info), shas };
}

const markersCount = (stamp: string): string => stamp.split(" ")[1] ?? "";

/** The server looked at its clock between the two instants. */
function checkSkew(server: number, from: number, till: number): void {
  const skew = server < from ? from - server : Math.max(0, server - till);
  if (skew <= MAX_SKEW) return;
  throw new StoreError(
    "store_unavailable",
    `The clock of Redis and that of this process are ${skew} ms apart, more than ${MAX_SKEW}; set one of them right`,
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

export const guaranteesOf = (): Guarantees => ({
  durability: "none",
  atomic: true,
  staleMs: 0,
  evicts: false,
  failoverLoss: true,
});

export type { Script };
