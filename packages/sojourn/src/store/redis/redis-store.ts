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
  type Head,
  type Removed,
  type Store,
  type Watch,
} from "../store.ts";
import type { Calls } from "./calls.ts";
import type { IndexKeeper } from "./index-keeper.ts";
import { listing } from "./listing.ts";
import { allGuards, type MasterGuard } from "./master-guard.ts";
import { digits, entryOf, headOf, recordOf } from "./record.ts";
import { ownKey, recentReplies } from "./recent-replies.ts";
import type { RedisPort } from "./redis-port.ts";
import { hasMade, headsOf, putOf, revokedOf } from "./replies.ts";
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
 * How many puts of a store share one look for expired entries; it may then reclaim for all of them, which takes a quarter of
 * a millisecond at most. Of four that share it, each pays a microsecond for it.
 */
const PUTS_PER_RECLAIM = 16;
/** How many entries a revocation looks at in one step: milliseconds of the server's time. */
const REVOKED_AT_ONCE = 1_000;

export function connectedStore({ port, calls, keeper, ...connected }: Connected): Store<"async"> {
  const { write, timely, scripts, markers, stamp, guards, order, guarantees, flushed, watch, watchRemovals } =
    connected;
  const shards = markers.length;
  const everyGuard = allGuards(guards);
  const [readWhole, writeWhole, timelyWhole] = [connected.read, write, timely].map((run) => keeper.whole(run)) as [
    RunScript,
    RunScript,
    RunScript,
  ];
  const tellsInserts = guarantees.evicts ? "1" : "0";
  const recent = recentReplies();
  let puts = 0;

  /** Something on every shard, all sent at once. */
  function onEach<T>(send: (marker: string) => Promise<unknown>, decode: (reply: unknown) => T) {
    return calls.run(
      () => Promise.all(markers.map(send)),
      (replies) => (replies as readonly unknown[]).map(decode),
      everyGuard,
    );
  }

  const { list, listByOwner } = listing({
    shards,
    stamp,
    everywhere: async (name, args, decode) => onEach((marker) => readWhole(scripts[name], marker, args), decode),
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

  /** In slices, so that no step is long; the first one numbers the revocation, which holds from then on. */
  async function revokeOn(shard: number, { owner, except, note }: Revocation) {
    const heads: Head[] = [];
    let number = 0;
    let after = "";
    do {
      const args = [owner, except, after, stamp, `${REVOKED_AT_ONCE}`, note];
      const slice = await calls.run(() => timelyWhole(scripts.revoke, markers[shard]!, args), revokedOf, guards[shard]);
      if (after === "") number = slice.number;
      after = slice.next;
      heads.push(...slice.heads);
    } while (after !== "");
    return { number, heads };
  }

  /** How many entries each shard must give, so that together they are the earliest of all. */
  async function sharesOfSweep(now: number, limit: number): Promise<readonly number[]> {
    if (shards === 1) return [limit];
    const due = await onEach(
      (marker) => readWhole(scripts.due, marker, [`${now}`, `${limit}`, stamp]),
      (reply) => (reply as readonly string[]).map(Number),
    );
    const earliest = due.flatMap((ends, shard) => ends.map((end) => ({ shard, end }))).sort((a, b) => a.end - b.end);
    const counts = markers.map(() => 0);
    for (const { shard } of earliest.slice(0, limit)) counts[shard]!++;
    return counts;
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
        const revocation = { owner: toStored(owner), except: toStored(except), note };
        const done = await Promise.all(markers.map(async (_, shard) => revokeOn(shard, revocation)));
        return { numbers: done.map(({ number }) => number), answer: done.flatMap(({ heads }) => heads) };
      });
    },

    async count(now) {
      checkInstant(now, "now");
      const counts = await onEach((marker) => readWhole(scripts.count, marker, [`${now}`, stamp]), Number);
      return counts.reduce((sum, part) => sum + part, 0);
    },

    async sweep(now, limit) {
      checkInstant(now, "now");
      checkLimit(limit);
      const shares = await sharesOfSweep(now, limit);
      const heads = await onEach((marker) => {
        const share = shares[markers.indexOf(marker)]!;
        return share === 0 ? Promise.resolve([]) : writeWhole(scripts.sweep, marker, [`${now}`, `${share}`, stamp]);
      }, headsOf);
      return heads.flat().sort((a, b) => a.expiresAt - b.expiresAt);
    },

    watch,
    watchRemovals,

    async close() {
      calls.close();
      await connected.release();
    },
  };
}

/** What a revocation is of: the owner and the key that is spared as they are stored, and what is told along. */
interface Revocation {
  readonly owner: string;
  readonly except: string;
  readonly note: string;
}

function diesAt(expiresAt: number): string {
  return `${Math.max(1, expiresAt + KEPT_AFTER_END)}`;
}

/** What the put script compares with a record. A rev ends with NUL there, so that none can be taken for `*`. */
function wanted(expected: Expected): string {
  if (expected === null) return "";
  return expected === "any" ? "*" : `${toStored(expected)}\0`;
}
