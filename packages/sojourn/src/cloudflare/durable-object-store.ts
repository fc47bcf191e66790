/** A store of sessions in Durable Objects. */
import { StoreError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { show } from "../show.ts";
import { checkEntry, checkInstant, checkKey, checkLimit, checkPage, utf8Length } from "../store/check.ts";
import { checkTouch, guarantees } from "../store/sqlite/sql-store.ts";
import { revocationOrder } from "../store/revocation-order.ts";
import type { Store } from "../store/store.ts";
import { systemClock } from "../time/clock.ts";
import { parseDuration, type Duration } from "../time/duration.ts";
import { systemTimer } from "../time/timer.ts";
import type { ShardNamespace } from "./durable-object.ts";
import { everyShard, pageAtOnce, pageInTurn, shardOf, shares } from "./fan-out.ts";
import { readEntries, shardClient } from "./shard-client.ts";

/** Options of `durableObjectStore`. */
export interface DurableObjectStoreOptions {
  /**
   * Over how many Durable Objects the entries are spread. One object takes several hundred requests a second; a call
   * about one session asks one object, and a call about a user or about all sessions asks every one of them. It is
   * written down in the objects at their first use, and cannot be changed afterwards.
   * @default 8
   */
  readonly shards?: number;
  /**
   * Stores with different namespaces on one binding do not see each other. 1 to 512 bytes.
   * @default "default"
   */
  readonly namespace?: string;
  /**
   * How long a call waits for an object before it throws `store_timeout`: milliseconds, or a string such as `"2s"`.
   * @default "5s"
   */
  readonly deadline?: Duration;
  /**
   * How many entries are kept decoded in this isolate at most, for repeated reads; 0 for none. An object is asked at
   * each read whether they are still what it holds, so that no answer is out of date: what is saved is the sending.
   * @default 1,000
   */
  readonly cache?: number;
  /**
   * Where objects that are not there yet are to be made, such as `"weur"`: one of Cloudflare's location hints.
   * @default near to who asks first
   */
  readonly locationHint?: string;
  /**
   * The jurisdiction that the objects stay in, such as `"eu"`. Objects of different jurisdictions are different
   * objects.
   * @default none
   */
  readonly jurisdiction?: string;
}

/** The most shards: more would make the calls about a user longer than a Worker may ask. */
const MAX_SHARDS = 256;

/**
 * A store in Durable Objects: strongly consistent, and durable before an answer is given.
 *
 * `binding` is a namespace of the class `SessionShard`. The store can be made once and kept; it belongs to no request.
 *
 * A call about one key is one step that all callers see in one order. With more than one shard, a call about an owner
 * or about all entries is one such step in each of them, but not in all of them at the same instant; if one fails, so
 * does the call, and can be repeated. `guarantees.atomic` is `true` with one shard only.
 *
 * Its calls reject with a `StoreError`: `store_unavailable` if an object cannot be reached or has too much to do,
 * `store_timeout`, `store_full`, `store_corrupt`, `store_closed`; `store_schema` if the objects belong to a store with
 * another number of shards, or to a newer version of this library.
 *
 * @example
 * ```ts
 * import { durableObjectStore, type ShardNamespace } from "sojourn/cloudflare";
 * import { createSessions } from "sojourn/core";
 *
 * export default {
 *   async fetch(request: Request, env: { readonly SESSIONS: ShardNamespace }): Promise<Response> {
 *     const sessions = createSessions({ store: durableObjectStore(env.SESSIONS, { shards: 8 }) });
 *     const session = await sessions.authenticate(request.headers.get("authorization")?.slice("Bearer ".length) ?? "");
 *     return new Response(session?.userId ?? null, { status: session === undefined ? 401 : 200 });
 *   },
 * };
 * ```
 * @throws TypeError for an option that is not what it should be
 */
export function durableObjectStore(binding: ShardNamespace, options: DurableObjectStoreOptions = {}): Store<"async"> {
  checkOptions("durableObjectStore", options, {
    shards: true,
    namespace: true,
    deadline: true,
    cache: true,
    locationHint: true,
    jurisdiction: true,
  });
  const { shards = 8, namespace = "default", deadline = "5s", cache = 1_000, locationHint, jurisdiction } = options;
  if (typeof binding?.idFromName !== "function") {
    throw new TypeError(`Expected a binding of Durable Objects, got ${show(binding)}`);
  }
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS) {
    throw new TypeError(`Expected \`shards\` to be 1 to ${MAX_SHARDS}, got ${show(shards)}`);
  }
  if (typeof namespace !== "string" || namespace === "" || utf8Length(namespace) > 512) {
    throw new TypeError(`Expected \`namespace\` to be a string of 1 to 512 bytes, got ${show(namespace)}`);
  }
  if (!Number.isSafeInteger(cache) || cache < 0) {
    throw new TypeError(`Expected \`cache\` to be a whole number of entries, 0 or more, got ${show(cache)}`);
  }
  const timeout = parseDuration(deadline, "deadline");
  const ask = shardClient({
    binding: jurisdiction === undefined ? binding : binding.jurisdiction(jurisdiction),
    shards,
    namespace,
    deadline: timeout,
    locationHint,
  });
  const entries = readEntries(cache);
  const order = revocationOrder({ shards, timer: systemTimer, clock: systemClock, deadline: timeout });
  let closed = false;

  function checkOpen(): void {
    if (closed) throw new StoreError("store_closed", "The store in Durable Objects is closed");
  }

  return {
    mode: "async",
    guarantees: Object.freeze({
      ...guarantees("power"),
      atomic: shards === 1,
      exactOrder: false,
      removalsMs: Number.POSITIVE_INFINITY,
    }),

    async get(key, now) {
      checkOpen();
      checkKey(key);
      checkInstant(now, "now");
      return entries.read(key, async (state) => ask(shardOf(key, shards), "get", [key, now, state]));
    },

    begin() {
      checkOpen();
      return order.begin();
    },

    async put(entry, expected, now, begun = order.begin()) {
      checkOpen();
      checkEntry(entry);
      checkInstant(now, "now");
      const { key, owner, rev, meta, createdAt, touchedAt, expiresAt, value } = entry;
      // Without its memo, which need not be anything that can be sent.
      const bare = { key, owner, rev, meta, createdAt, touchedAt, expiresAt, value };
      const shard = shardOf(key, shards);
      return order.put(shard, begun, async (seen) => ask(shard, "put", [bare, expected, now, seen]));
    },

    async touch(key, rev, { touchedAt, expiresAt }, now) {
      checkOpen();
      checkTouch(key, { touchedAt, expiresAt }, now);
      return ask(shardOf(key, shards), "touch", [key, rev, { touchedAt, expiresAt }, now]);
    },

    async delete(key) {
      checkOpen();
      checkKey(key);
      return ask(shardOf(key, shards), "delete", [key]);
    },

    async list({ prefix, after, limit }, now) {
      checkOpen();
      checkInstant(now, "now");
      checkPage({ after, limit });
      return pageInTurn({ shards, after, limit }, async (shard, page) =>
        ask(shard, "list", [{ ...page, prefix }, now]),
      );
    },

    async listByOwner(owner, { after, limit }, now) {
      checkOpen();
      checkInstant(now, "now");
      checkPage({ after, limit });
      return pageAtOnce({ shards, after, limit }, async (shard, page) => ask(shard, "listByOwner", [owner, page, now]));
    },

    async revokeOwner(owner, except) {
      checkOpen();
      return order.revoke(async () => {
        const parts = await everyShard(shards, async (shard) => ask(shard, "revokeOwner", [owner, except]));
        return { numbers: parts.map(({ number }) => number), answer: parts.flatMap(({ heads }) => heads) };
      });
    },

    async count(now) {
      checkOpen();
      checkInstant(now, "now");
      const counts = await everyShard(shards, async (shard) => ask(shard, "count", [now]));
      return counts.reduce((total, count) => total + count, 0);
    },

    async sweep(now, limit) {
      checkOpen();
      checkInstant(now, "now");
      checkLimit(limit);
      const parts = await shares(shards, limit, async (shard) => ask(shard, "expired", [now, limit]));
      const swept = await everyShard(shards, async (shard) => {
        const part = parts[shard] as number;
        return part === 0 ? [] : ask(shard, "sweep", [now, part]);
      });
      return swept.flat().sort((a, b) => a.expiresAt - b.expiresAt);
    },

    async close() {
      closed = true;
      entries.forget();
    },
  };
}
