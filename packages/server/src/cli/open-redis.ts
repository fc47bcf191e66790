/** `--store redis://host:port`: sessions in Redis or Valkey, with a near cache in front of them. */
import { createClient } from "@redis/client";
import { GuaranteeError, nearCache, StoreError, type Store } from "sojourn";
import { redisStore } from "sojourn/redis";
import { describeError, type Log } from "../http/log.ts";
import { UsageError } from "./report-error.ts";

/** For how long a server that does not answer is tried when the service starts, in milliseconds. */
const CONNECT_LIMIT = 5_000;
/** The longest pause between two tries to connect again, in milliseconds. */
const LONGEST_PAUSE = 2_000;

/** What the URL says, and nothing secret but in `url`, which goes to the client alone. */
interface Address {
  readonly url: string;
  /** For the operator: without a name or a password. */
  readonly shown: string;
  readonly prefix: string | undefined;
  readonly shards: number | undefined;
}

/**
 * Connects. Later the client connects again by itself; until it has, requests are answered with a 503.
 *
 * @throws UsageError if the URL is wrong, or nothing that can be used answers there
 */
export async function openRedis(
  given: string,
  log: Log,
  { allowEviction = false }: { readonly allowEviction?: boolean } = {},
): Promise<Store<"async">> {
  const { url, shown, prefix, shards } = addressOf(given);
  let isStarting = true;
  const client = createClient({
    url,
    // A command that waits for a connection would be late when it leaves.
    disableOfflineQueue: true,
    socket: {
      connectTimeout: CONNECT_LIMIT,
      reconnectStrategy: (tries, cause) =>
        isStarting ? cause : Math.min(50 * 2 ** Math.min(tries, 10), LONGEST_PAUSE),
    },
  });
  client.on("error", (error: unknown) => {
    if (!isStarting) log.warn({ error: describeError(error) }, "the connection to Redis is broken");
  });
  let store: Store<"async">;
  try {
    await client.connect();
    const named = { ...(prefix === undefined ? {} : { prefix }), ...(shards === undefined ? {} : { shards }) };
    store = nearCache(await redisStore({ client, allowEviction, ...named }));
  } catch (error) {
    client.destroy();
    throw new UsageError(`--store ${shown}: ${reasonOf(error)}`);
  }
  isStarting = false;
  return {
    ...store,
    async close() {
      await store.close();
      client.destroy();
    },
  };
}

/** A URL of Redis for the operator: without a name or a password. @throws UsageError if it is wrong */
export function shownRedis(given: string): string {
  return addressOf(given).shown;
}

/** @throws UsageError, which never holds the URL: there can be a password in it */
function addressOf(given: string): Address {
  // Valkey speaks the same; the client knows one name for it.
  const text = given.replace(/^valkey(s?):/i, "redis$1:");
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "") {
    throw new UsageError("--store takes redis://host:port, with rediss: for TLS; a password goes before the host");
  }
  if (!/^\/?\d*$/.test(url.pathname)) {
    throw new UsageError("--store redis: takes the number of a database after the host, such as redis://host:6379/0");
  }
  const prefix = url.searchParams.get("prefix") ?? undefined;
  const shards = url.searchParams.get("shards") ?? undefined;
  for (const name of url.searchParams.keys()) {
    if (name !== "prefix" && name !== "shards") throw new UsageError(`--store redis: knows no parameter ${name}`);
  }
  if (shards !== undefined && !/^[1-9]\d{0,4}$/.test(shards)) {
    throw new UsageError("--store redis: takes a whole number of shards, such as ?shards=16");
  }
  url.search = "";
  const shown = `${url.protocol}//${url.host}${url.pathname === "/" ? "" : url.pathname}`;
  return { url: url.href, shown, prefix, shards: shards === undefined ? undefined : Number(shards) };
}

function reasonOf(error: unknown): string {
  if (error instanceof GuaranteeError) return error.message.replace("`allowEviction: true`", "--allow-eviction");
  if (error instanceof StoreError || error instanceof TypeError) return error.message;
  const { message } = error as Error;
  return message.includes("ECONNREFUSED") ? "nothing listens there" : `cannot connect (${message})`;
}
