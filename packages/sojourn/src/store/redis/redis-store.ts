/** The store over a port, once it has been connected. */
import { checkEntry, checkInstant, checkKey, checkLimit, checkNote, checkPage } from "../check.ts";
import type { RevocationOrder } from "../revocation-order.ts";
import { toStored } from "../stored-text.ts";
import {
  RECLAIM_PER_PUT,
  type Begun,
  type Entry,
  type Expected,
  type Guarantees,
  type Removed,
  type Store,
  type Watch,
} from "../store.ts";
import type { Calls } from "./calls.ts";
import { indexCalls } from "./index-calls.ts";
import type { IndexKeeper } from "./index-keeper.ts";
import { listing } from "./listing.ts";
import { allGuards, type MasterGuard } from "./master-guard.ts";
import { digits, entryOf, headOf, recordOf } from "./record.ts";
import { ownKey, recentReplies } from "./recent-replies.ts";
import type { RedisPort } from "./redis-port.ts";
import { hasMade, putOf } from "./replies.ts";
import { KEPT_AFTER_END } from "./script-parts.ts";
import type { RunScript, Script } from "./script-runner.ts";
import { shardOf } from "./shards.ts";

/** What connecting has found out. */
export interface Connected {
  readonly port: RedisPort;
  readonly calls: Calls;
  /** Runs what changes nothing. */
  readonly read: RunScript;
  /** Runs changes. */
  readonly write: RunScript;
  /** Runs changes that must neither be late nor happen twice. */
  readonly timely: RunScript;
  readonly keeper: IndexKeeper;
  readonly scripts: Readonly<Record<ScriptName, Script>>;
  /** The names of the shards' markers, and what each marker begins with while its indexes are whole. */
  readonly markers: readonly string[];
  readonly stamp: string;
  /** By shard. */
  readonly guards: readonly MasterGuard[];
  readonly order: RevocationOrder;
  readonly guarantees: Guarantees;
  /** Called when a write has found no marker, so that the server has lost everything since. */
  readonly flushed: () => void;
  readonly watch: (onChange: (key: string | null) => void) => Watch;
  readonly watchRemovals: (onRemoved: (removed: Removed | null) => void) => Watch;
  /** Closes what was opened for the store. */
  readonly release: () => Promise<void>;
}

/** The scripts of the store's calls. */
export type ScriptName = "put" | "touch" | "remove" | "revoke" | "sweep" | "due" | "count" | "list" | "walk";

/**
 * How many puts of a store share one look for expired entries; it may then reclaim for all of them. When only four did, a put
 * took the server 0.4 to 0.9 µs longer.
 */
const PUTS_PER_RECLAIM = 16;
export function connectedStore(connected: Connected): Store<"async"> {
  const { port, calls, write, timely, keeper, scripts, markers, stamp, guards, order, guarantees } = connected;
  const { flushed, watch, watchRemovals } = connected;
  const shards = markers.length;
  const everyGuard = allGuards(guards);
  const indexed = indexCalls(connected);
  const tellsInserts = guarantees.evicts ? "1" : "0";
  const recent = recentReplies();
  let puts = 0;

  const { list, listByOwner } = listing({
    shards,
    stamp,
    everywhere: indexed.read,
  });

  /** A marker or an index that had to be made: copies elsewhere say nothing any more, and something may be missing. */
  function repair(marker: string): void {
    flushed();
    // Whoever needs an index waits for it, and is told what went wrong.
    keeper.restore(marker).catch(() => {});
  }

  async function put(entry: Entry, expected: Expected, now: number, begun: Begun) {
    const key = toStored(entry.key);
    const owner = toStored(entry.owner ?? "");
    const rev = toStored(entry.rev);
    const shard = shardOf(key, shards);
    const marker = markers[shard]!;
    const reclaim = ++puts % PUTS_PER_RECLAIM === 0 ? PUTS_PER_RECLAIM * RECLAIM_PER_PUT : 0;
    const record = recordOf(entry, { owner, rev });
    const args = [key, record, rev, wanted(expected), `${now}`, owner, diesAt(entry.expiresAt), stamp];
    const made = await order.put(shard, begun, async (seen) =>
      calls.run(
        () => timely(scripts.put, marker, [...args, `${seen}`, `${reclaim}`, tellsInserts]),
        (reply) => {
          if (hasMade(reply)) repair(marker);
          return putOf(entry.key, reply);
        },
        guards[shard],
      ),
    );
    if (made.outcome === "revoked") await learnNumbers();
    return made;
  }

  /** What is tried again has another key, and may be on another shard. Where one does not answer, that call will say so. */
  async function learnNumbers(): Promise<void> {
    await calls
      .run(
        () => everyGuard.renew(),
        () => {},
      )
      .catch(() => {});
  }

  return {
    mode: "async",
    guarantees,

    get(key, now, options) {
      try {
        checkKey(key);
        checkInstant(now, "now");
      } catch (error) {
        return Promise.reject(error);
      }
      const stored = toStored(key);
      const shard = shardOf(stored, shards);
      const marker = markers[shard]!;
      const guard = guards[shard]!;
      const name = `${marker}:e:${stored}`;
      const liveOf = (entry: Entry): Entry | undefined => (now < entry.expiresAt ? entry : undefined);
      const send = (): Promise<unknown> => port.send(marker, ["GET", name]);
      if (options?.fresh !== true) {
        const decode = (reply: unknown) =>
          reply === null ? undefined : liveOf(recent.entryOf(key, name, reply as string));
        return calls.run(send, decode, guard);
      }
      // The proof goes after the question, over the same connection. Who asks so keeps the entry, or has no use for it again.
      return calls.run(
        async () => (await Promise.all([send(), guard.renew()]))[0],
        (reply) => (reply === null ? undefined : liveOf(entryOf(ownKey(key, name), reply as string))),
        guard,
      );
    },

    async put(entry, expected, now, begun = order.begin()) {
      checkEntry(entry);
      checkInstant(now, "now");
      return put(entry, expected, now, begun);
    },

    async touch(key, rev, { touchedAt, expiresAt }, now) {
      checkKey(key);
      checkInstant(touchedAt, "touchedAt");
      checkInstant(expiresAt, "expiresAt");
      checkInstant(now, "now");
      const stored = toStored(key);
      const shard = shardOf(stored, shards);
      const marker = markers[shard]!;
      const instants = [digits(touchedAt), digits(expiresAt), `${now}`, diesAt(expiresAt)];
      return calls.run(
        () => write(scripts.touch, marker, [stored, toStored(rev), ...instants, stamp]),
        (reply) => {
          if (hasMade(reply)) repair(marker);
          return reply !== 0;
        },
        guards[shard],
      );
    },

    async delete(key, note = "") {
      checkKey(key);
      checkNote(note);
      const stored = toStored(key);
      const shard = shardOf(stored, shards);
      return calls.run(
        () => timely(scripts.remove, markers[shard]!, [stored, note]),
        (reply) => (reply === null ? undefined : headOf(key, reply as string)),
        guards[shard],
      );
    },

    async list({ prefix = "", after, limit }, now) {
      checkInstant(now, "now");
      checkPage({ after, limit });
      const { items, next } = await list({ prefix, after, limit });
      return { items: items.filter(({ expiresAt }) => now < expiresAt), next };
    },

    async listByOwner(owner, { after, limit }, now) {
      checkInstant(now, "now");
      checkPage({ after, limit });
      // Nobody's entries are in the index, too.
      if (owner === "") return { items: [], next: undefined };
      const { items, next } = await listByOwner(owner, { after, limit });
      return { items: items.filter(({ expiresAt }) => now < expiresAt), next };
    },

    begin() {
      calls.checkOpen();
      return order.begin();
    },

    async revokeOwner(owner, except = "", note = "") {
      checkNote(note);
      if (owner === "") return [];
      return order.revoke(async () => {
        const done = await indexed.revoke({ owner: toStored(owner), except: toStored(except), note });
        return { numbers: done.map(({ number }) => number), answer: done.flatMap(({ heads }) => heads) };
      });
    },

    async count(now) {
      checkInstant(now, "now");
      const counts = await indexed.read("count", [`${now}`, stamp], Number);
      return counts.reduce((sum, part) => sum + part, 0);
    },

    async sweep(now, limit) {
      checkInstant(now, "now");
      checkLimit(limit);
      return indexed.sweep(now, limit);
    },

    watch,
    watchRemovals,

    async close() {
      calls.close();
      await connected.release();
    },
  };
}

function diesAt(expiresAt: number): string {
  return `${Math.max(1, expiresAt + KEPT_AFTER_END)}`;
}

/** What the put script compares with a record. A rev ends with NUL there, so that none can be taken for `*`. */
function wanted(expected: Expected): string {
  if (expected === null) return "";
  return expected === "any" ? "*" : `${toStored(expected)}\0`;
}
