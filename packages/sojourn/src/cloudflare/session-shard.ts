/** A shard of a store of sessions: one Durable Object, and in its storage the store over any SQLite. */
import { eventHub, reportEnds } from "../sessions/events.ts";
import type { SessionEvents } from "../sessions/session.ts";
import type { Snapshot } from "../store/begun.ts";
import { recentMap } from "../store/recent-map.ts";
import { nothingToWatch } from "../store/sqlite/change-watch.ts";
import { sqlStore } from "../store/sqlite/sql-store.ts";
import type { SqlPort } from "../store/sqlite/sql-port.ts";
import type { Entry, Head, Store } from "../store/store.ts";
import { systemClock } from "../time/clock.ts";
import { DurableObject, type ShardState } from "./durable-object.ts";
import {
  expiries,
  NAMESPACE,
  readShards,
  reclaimAlarm,
  storagePort,
  writeShards,
  type ReclaimAlarm,
} from "./shard-storage.ts";
import { answerOf, type EntryState, type ShardAnswer, type ShardCall, type ShardCalls } from "./shard-wire.ts";

/**
 * A session whose time was up, as an `ended` event tells it.
 *
 * @example
 * ```ts
 * import { SessionShard, type EndedSession } from "sojourn/cloudflare";
 *
 * export class ReportingShard extends SessionShard {
 *   protected override onEnded(ended: readonly EndedSession[]): void {
 *     for (const { session, reason } of ended) void [session.id, reason];
 *   }
 * }
 * ```
 */
export type EndedSession = SessionEvents<never>["ended"];

/** How many entries an alarm reclaims at most. If there are more, the next one rings at once, behind what waits. */
const RECLAIM_SLICE = 100;
/** How many entries an object keeps decoded: it shares 128 MB with other objects of its class. */
const CACHED_ENTRIES = 1_000;
/** Of how many revocations an object remembers at most when they ran. */
const REMEMBERED_INSTANTS = 10_000;

/**
 * The Durable Object class behind `durableObjectStore`. Export it from the Worker, and name it in `wrangler.jsonc` as
 * a class with SQLite storage (`new_sqlite_classes`):
 *
 * An alarm of the object's own reclaims what has expired. To be told of those sessions, export a subclass under that
 * name instead, and override {@link SessionShard.onEnded}.
 *
 * @example
 * ```ts
 * // In the Worker's main file, so that `wrangler.jsonc` can name the class.
 * export { SessionShard } from "sojourn/cloudflare";
 * ```
 */
export class SessionShard<Env = unknown> extends DurableObject<Env> {
  readonly #port: SqlPort;
  readonly #alarm: ReclaimAlarm;
  #calls: ShardCalls | undefined;
  #shards: number | null | undefined;

  /** Called by the runtime. */
  constructor(ctx: ShardState, env: Env) {
    super(ctx, env);
    this.#port = storagePort(ctx.storage);
    this.#alarm = reclaimAlarm(ctx.storage);
  }

  /**
   * Told of sessions whose time was up and that an alarm has removed, at most 100 at a time. By default it does
   * nothing.
   *
   * Each is told once, and not if the object is destroyed between the removal and the report, or if this method
   * fails: the removal is what counts. A session that a call of the store removes, such as a logout or a `cleanup`, is
   * told to the `ended` listeners of the manager that made the call instead. So a complete record needs both.
   */
  protected onEnded(_ended: readonly EndedSession[]): void | Promise<void> {}

  /**
   * For how long an entry stays in the object after it has expired, in milliseconds: longer than the clocks of Workers
   * differ, so that an alarm never judges what a caller's clock has still to judge. An alarm rings no more often than
   * that, unless it left something behind; so a report comes after once to twice as long.
   *
   * @default 60,000
   */
  protected reclaimDelay(): number {
    return 60_000;
  }

  /** One call of a `durableObjectStore`; not for anybody else. */
  ask(shards: number, call: ShardCall, given: readonly unknown[]): ShardAnswer | Promise<ShardAnswer> {
    const joined = answerOf(() => (this.#shards ??= readShards(this.#port)));
    if (!("value" in joined)) return joined;
    if (joined.value !== shards) return { shards: joined.value };
    const answer = answerOf(() => {
      this.#calls ??= shardCalls(this.#port);
      return (this.#calls[call] as (...given: readonly unknown[]) => unknown)(...given);
    });
    return call === "put" && "value" in answer ? this.#covered(answer, given[0] as Entry) : answer;
  }

  /** The first call of a `durableObjectStore`; not for anybody else. */
  join(shards: number): ShardAnswer<number> {
    return answerOf(() => {
      const joined = readShards(this.#port);
      if (joined === null) writeShards(this.#port, shards);
      return (this.#shards = joined ?? shards);
    });
  }

  /** Called by the runtime: reclaims what has expired, and reports it. */
  async alarm(): Promise<void> {
    const now = systemClock.now();
    const delay = this.reclaimDelay();
    this.#calls ??= shardCalls(this.#port);
    const removed = this.#calls.sweep(now - delay, RECLAIM_SLICE);
    this.#alarm.rang(removed.length < RECLAIM_SLICE ? now + delay : now);
    const [first] = expiries(this.#port, Number.MAX_SAFE_INTEGER, 1);
    // Before the report, which may fail: what is left is to be reclaimed all the same.
    if (first !== undefined) await this.#alarm.cover(first + delay, now);
    const ended = endedSessions(removed, now);
    if (ended.length > 0) await this.onEnded(ended);
  }

  /** Once the alarm is set that will reclaim an entry which was just put. */
  #covered(answer: ShardAnswer, { expiresAt }: Entry): ShardAnswer | Promise<ShardAnswer> {
    return this.#alarm.cover(expiresAt + this.reclaimDelay(), systemClock.now())?.then(() => answer) ?? answer;
  }
}

function shardCalls(port: SqlPort): ShardCalls {
  const store: Store<"sync"> = sqlStore({
    port,
    namespace: NAMESPACE,
    durability: "power",
    cache: CACHED_ENTRIES,
    watch: () => nothingToWatch,
  });
  const { delete: remove, list, touch, count, sweep } = store;
  // An object is the only one that writes, so these are all revocations since it was started, by owner.
  const revokedAt = recentMap<number>(REMEMBERED_INSTANTS);
  const known = (): Snapshot => store.begin() as Snapshot;
  const lastNumber = (): number => known().seen[0] ?? 0;

  /** The object's clock stands still while it works, and may have been read a little before. */
  function ago(owner: string): number | undefined {
    const at = revokedAt.get(owner);
    return at === undefined ? undefined : Math.max(0, systemClock.now() - at - 1);
  }

  return {
    get(key, now, before) {
      const entry = store.get(key, now);
      return entry !== undefined && before !== undefined && isIn(before, entry) ? "unchanged" : bare(entry);
    },
    put(entry, expected, now, seen) {
      const put = store.put(entry, expected, now, { ...known(), seen: [seen] } satisfies Snapshot);
      if (put.outcome === "revoked") return { outcome: "refused", number: lastNumber(), ago: ago(entry.owner ?? "") };
      return put.outcome === "conflict" ? { outcome: "conflict", current: bare(put.current) } : put;
    },
    listByOwner(owner, page, now) {
      const { items, next } = store.listByOwner(owner, page, now);
      return { items: items.map(bare), next };
    },
    expired: (now, limit) => expiries(port, now, limit),
    delete: remove,
    list,
    touch,
    revokeOwner(owner, except) {
      const heads = store.revokeOwner(owner, except);
      revokedAt.set(owner, systemClock.now());
      return { heads, number: lastNumber() };
    },
    count,
    sweep,
  };
}

function isIn([rev, touchedAt, expiresAt]: EntryState, entry: Entry): boolean {
  return entry.rev === rev && entry.touchedAt === touchedAt && entry.expiresAt === expiresAt;
}

/** Without the place for a memo, which is of no use elsewhere. */
function bare<T extends Entry | undefined>(entry: T): T {
  if (entry === undefined) return entry;
  const { key, owner, rev, meta, createdAt, touchedAt, expiresAt, value } = entry;
  return { key, owner, rev, meta, createdAt, touchedAt, expiresAt, value } as T;
}

/** The ends that heads tell of. Other entries than sessions, such as those of `storage.kv`, tell of none. */
function endedSessions(heads: readonly Head[], at: number): readonly EndedSession[] {
  const ended: EndedSession[] = [];
  const events = eventHub<never>();
  events.on("ended", (event) => void ended.push(event));
  reportEnds(events, heads, at, "evicted");
  return ended;
}
