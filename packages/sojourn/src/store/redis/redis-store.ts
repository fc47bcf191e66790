/** The store over a port, once it has been connected. */
import { checkEntry, checkInstant, checkKey, checkLimit, checkPage, utf8Length } from "../check.ts";
import { fromStored, toStored } from "../stored-text.ts";
import {
  FLOOR_LIFETIME,
  RECLAIM_PER_PUT,
  type Entry,
  type Expected,
  type Guarantees,
  type Head,
  type Page,
  type Store,
  type Watch,
} from "../store.ts";
import type { Calls } from "./calls.ts";
import { pageOf, sharesOf } from "./paging.ts";
import { digits, entryOf, headOf, recordOf } from "./record.ts";
import type { RedisPort } from "./redis-port.ts";
import { headsOf, putOf } from "./replies.ts";
import type { RunScript, Script } from "./script-runner.ts";
import { KEPT_AFTER_END } from "./scripts.ts";
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
  readonly scripts: Readonly<Record<ScriptName, Script>>;
  /** The names of the shards' markers, and what each marker begins with. */
  readonly markers: readonly string[];
  readonly stamp: string;
  readonly guarantees: Guarantees;
  /** Called when a write has found no marker, so that the server has lost everything since. */
  readonly flushed: () => void;
  readonly watch: (onChange: (key: string | null) => void) => Watch;
  /** Closes what was opened for the store. */
  readonly release: () => Promise<void>;
}

/** The scripts of the store's calls. */
export type ScriptName = "put" | "touch" | "remove" | "revoke" | "sweep" | "list";

/** How many puts of a store share one look for expired entries; it may then reclaim for all of them. */
const PUTS_PER_RECLAIM = 4;
/** How much longer than needed a floor is kept: more than the skew of two clocks that are let in. */
const FLOOR_SLACK = 60_000;
/** Greater than anything that can go on a stored text. */
const ABOVE = "\u{10FFFF}\u{10FFFF}";

export function connectedStore({ port, calls, read, write, timely, ...connected }: Connected): Store<"async"> {
  const { scripts, markers, stamp, guarantees, flushed, watch, release } = connected;
  const shards = markers.length;
  let puts = 0;

  const markerOf = (storedKey: string): string => markers[shardOf(storedKey, shards)]!;

  /** Something on every shard, all sent at once. */
  function everywhere<T>(send: (marker: string) => Promise<unknown>, decode: (replies: readonly unknown[]) => T) {
    return calls.run(
      () => Promise.all(markers.map(send)),
      (replies) => decode(replies as readonly unknown[]),
    );
  }

  function put(entry: Entry, expected: Expected, now: number) {
    const key = toStored(entry.key);
    const owner = toStored(entry.owner ?? "");
    const rev = toStored(entry.rev);
    const reclaim = ++puts % PUTS_PER_RECLAIM === 0 ? PUTS_PER_RECLAIM * RECLAIM_PER_PUT : 0;
    const record = recordOf(entry, { owner, rev });
    const args = [key, record, rev, wanted(expected), `${now}`, owner, diesAt(entry.expiresAt), stamp, `${reclaim}`];
    return calls.run(
      () => timely(scripts.put, markerOf(key), args),
      (reply) => {
        if (reply === 2 || (reply as readonly unknown[])[0] === 2) flushed();
        return putOf(entry.key, reply);
      },
    );
  }

  /** A page of members of the index, from one to before another; `skip` bytes of each stand before the key. */
  function list<T>(range: Range, limit: number, decode: (key: string, record: string) => T): Promise<Page<T>> {
    const shares = sharesOf(limit, shards);
    const args = [range.from, range.till, `${shares.share + 1}`, `${range.skip}`, range.whole ? "1" : "0"];
    return everywhere(
      (marker) => read(scripts.list, marker, args),
      (replies) => {
        const { items, next } = pageOf(replies, shares);
        // The index can name what Redis has reclaimed since.
        const there = items.flatMap(([key, record]) => (record === null ? [] : [decode(fromStored(key), record)]));
        return { items: there, next };
      },
    );
  }

  async function sweepAll(now: number, limit: number): Promise<readonly Head[]> {
    const due = await everywhere(
      (marker) =>
        port.send(marker, ["ZRANGEBYSCORE", `${marker}:x`, "-inf", `${now}`, "WITHSCORES", "LIMIT", "0", `${limit}`]),
      (replies) => earliestOf(replies, limit),
    );
    return everywhere(
      (marker) => {
        const some = due.get(markers.indexOf(marker)) ?? 0;
        return some === 0 ? Promise.resolve([]) : write(scripts.sweep, marker, [`${now}`, `${some}`]);
      },
      (replies) => replies.flatMap(headsOf).sort((a, b) => a.expiresAt - b.expiresAt),
    );
  }

  return {
    mode: "async",
    guarantees,

    get(key, now) {
      try {
        checkKey(key);
        checkInstant(now, "now");
      } catch (error) {
        return Promise.reject(error);
      }
      const stored = toStored(key);
      const marker = markerOf(stored);
      return calls.run(
        () => port.send(marker, ["GET", `${marker}:e:${stored}`]),
        (reply) => {
          if (reply === null) return undefined;
          const entry = entryOf(key, reply as string);
          return now < entry.expiresAt ? entry : undefined;
        },
      );
    },

    async put(entry, expected, now) {
      checkEntry(entry);
      checkInstant(now, "now");
      return put(entry, expected, now);
    },

    async touch(key, rev, { touchedAt, expiresAt }, now) {
      checkKey(key);
      checkInstant(touchedAt, "touchedAt");
      checkInstant(expiresAt, "expiresAt");
      checkInstant(now, "now");
      const stored = toStored(key);
      const instants = [digits(touchedAt), digits(expiresAt), `${now}`, diesAt(expiresAt)];
      return calls.run(
        () => write(scripts.touch, markerOf(stored), [stored, toStored(rev), ...instants, stamp]),
        (reply) => {
          if (reply === 2) flushed();
          return reply !== 0;
        },
      );
    },

    async delete(key) {
      checkKey(key);
      const stored = toStored(key);
      return calls.run(
        () => timely(scripts.remove, markerOf(stored), [stored]),
        (reply) => (reply === null ? undefined : headOf(key, reply as string)),
      );
    },

    async list({ prefix = "", after, limit }, now) {
      checkInstant(now, "now");
      checkPage({ after, limit });
      const begin = `k${toStored(prefix)}`;
      const range = { from: after === undefined ? `[${begin}` : `(k${after}`, till: `(${begin}${ABOVE}`, skip: 1 };
      const { items, next } = await list({ ...range, whole: false }, limit, headOf);
      return { items: items.filter(({ expiresAt }) => now < expiresAt), next };
    },

    async listByOwner(owner, { after, limit }, now) {
      checkInstant(now, "now");
      checkPage({ after, limit });
      const begin = `o${toStored(owner)}`;
      const from = after === undefined ? `[${begin}\0` : `(${begin}\0${after}`;
      const range = { from, till: `(${begin}\u0001`, skip: utf8Length(begin) + 1 };
      const { items, next } = await list({ ...range, whole: true }, limit, entryOf);
      // Under a key that Redis has reclaimed, another owner's entry can be.
      return { items: items.filter((entry) => entry.owner === owner && now < entry.expiresAt), next };
    },

    async revokeOwner(owner, floor, except) {
      checkInstant(floor, "floor");
      const gone = `${Math.max(1, floor + FLOOR_LIFETIME + FLOOR_SLACK)}`;
      const args = [toStored(owner), `${floor}`, gone, toStored(except ?? "")];
      return everywhere(
        (marker) => timely(scripts.revoke, marker, args),
        (replies) => replies.flatMap(headsOf),
      );
    },

    async count(now) {
      checkInstant(now, "now");
      return everywhere(
        (marker) => port.send(marker, ["ZCOUNT", `${marker}:x`, `(${now}`, "(+inf"]),
        (replies) => (replies as readonly number[]).reduce((sum, part) => sum + part, 0),
      );
    },

    async sweep(now, limit) {
      checkInstant(now, "now");
      checkLimit(limit);
      if (shards > 1) return sweepAll(now, limit);
      return everywhere(
        (marker) => write(scripts.sweep, marker, [`${now}`, `${limit}`]),
        ([reply]) => headsOf(reply),
      );
    },

    watch,

    async close() {
      calls.close();
      await release();
    },
  };
}

interface Range {
  readonly from: string;
  readonly till: string;
  readonly skip: number;
  /** Whether records are wanted, not heads only. */
  readonly whole: boolean;
}

function diesAt(expiresAt: number): string {
  return `${Math.max(1, expiresAt + KEPT_AFTER_END)}`;
}

/** What the put script compares with a record. A rev ends with NUL there, so that none can be taken for `*`. */
function wanted(expected: Expected): string {
  if (expected === null) return "";
  return expected === "any" ? "*" : `${toStored(expected)}\0`;
}

/** How many entries each shard must give, so that together they are the earliest of all. */
function earliestOf(replies: readonly unknown[], limit: number): ReadonlyMap<number, number> {
  // Members and scores alternate, or come as pairs, by the version of the protocol.
  const ends = replies.flatMap((reply, shard) =>
    (reply as readonly unknown[])
      .flat()
      .flatMap((part, index) => (index % 2 === 1 ? [{ shard, end: Number(part) }] : [])),
  );
  const counts = new Map<number, number>();
  for (const { shard } of ends.sort((a, b) => a.end - b.end).slice(0, limit)) {
    counts.set(shard, (counts.get(shard) ?? 0) + 1);
  }
  return counts;
}
