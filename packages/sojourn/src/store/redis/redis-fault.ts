/** How the errors of Redis and of its clients become the faults of the store contract. */
import { GuaranteeError, StoreError, type StoreErrorCode } from "../../errors.ts";

type Kind = readonly [code: StoreErrorCode, message: string];

const AWAY: Kind = ["store_unavailable", "Redis could not be reached"];

/** The first word of an error that a server answers with. */
const KINDS: Readonly<Record<string, Kind>> = {
  OOM: ["store_full", "Redis has reached its maxmemory"],
  MISCONF: ["store_full", "Redis cannot write to its disk, and takes no writes"],
  READONLY: ["store_unavailable", "The Redis server is a replica now; a failover is under way"],
  NOREPLICAS: ["store_unavailable", "The Redis server has lost its replicas, and takes no writes"],
  CLUSTERDOWN: ["store_unavailable", "A part of the Redis Cluster is down"],
  MASTERDOWN: ["store_unavailable", "The Redis replica has lost its master"],
  LOADING: ["store_unavailable", "Redis is loading its data"],
  BUSY: ["store_unavailable", "Redis is busy with a script"],
  TRYAGAIN: ["store_unavailable", "The Redis Cluster is moving the shard"],
  MOVED: ["store_unavailable", "The Redis Cluster has moved the shard"],
  ASK: ["store_unavailable", "The Redis Cluster is moving the shard"],
  NOAUTH: ["store_unavailable", "Redis wants a password"],
  WRONGPASS: ["store_unavailable", "Redis refuses the user or the password"],
  NOPERM: ["store_unavailable", "The Redis user may not run a command that the store needs"],
  WRONGTYPE: ["store_corrupt", "Redis holds something else under the key of an entry"],
  ERR: ["store_unavailable", "Redis has refused a command that the store needs"],
  SOJOURNCORRUPT: ["store_corrupt", "What Redis holds under the key of an entry is not an entry"],
  SOJOURNSHARDS: [
    "store_schema",
    "The entries in Redis are spread over another number of shards, or kept by another version of this library",
  ],
  SOJOURNINDEX: ["store_unavailable", "An index in Redis was lost, and is made again from the entries"],
};

/** The fault that an error of a client stands for; one that is our own already stays what it is. */
export function redisFault(error: unknown): StoreError | GuaranteeError {
  if (error instanceof StoreError || error instanceof GuaranteeError) return error;
  const text = error instanceof Error ? error.message : "";
  const word = /^-?([A-Z]+)\b/.exec(text)?.[1] ?? "";
  const [code, message] = KINDS[word] ?? AWAY;
  const cause = withoutArguments(error, text);
  return new StoreError(code, `${message} (${cause.message})`, { cause });
}

/**
 * A copy of a client's error. The errors of clients can carry the command with all its arguments, and those of servers
 * can repeat the beginning of them: session data, in a log.
 */
function withoutArguments(error: unknown, text: string): Error {
  const message = text.replace(/,? with args beginning with.*$/s, "").slice(0, 200);
  const copy = new Error(message === "" ? "no message" : message);
  if (error instanceof Error) copy.name = error.name;
  const { code } = Object(error) as { readonly code?: unknown };
  return typeof code === "string" ? Object.assign(copy, { code }) : copy;
}
