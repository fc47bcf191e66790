/**
 * The removals of a namespace, each with a number in the order of the commits, for those who watch them (rule 17).
 *
 * Nothing is noted until somebody has watched the namespace for the first time; from then on, every transaction that removes
 * entries writes their heads down, so that no follower can miss one that is acknowledged. `removals` in the row of the
 * namespace is the last number, and NULL before that first time. Every transaction writes that row, and so learns of it.
 *
 * A row holds the removals of one transaction, or a part of them, and has the number of its last one: a row for each would
 * cost three times as much. What is older than ten minutes, and all but the last {@link KEPT}, is deleted on the way. A
 * follower that comes later sees the gap. The age is by SQLite's own clock: it judges nothing, it only makes room.
 */
import type { Head, Removed } from "../store.ts";
import { checkVersion, namespaceRow } from "./schema.ts";
import type { SqlPort, SqlRow } from "./sql-port.ts";
import * as sql from "./statements.ts";

/** How many are kept at most. */
export const KEPT = 20_000;
/** For how long, in seconds. */
export const KEPT_SECONDS = 600;
/** How many are in one row at most. */
const IN_A_ROW = 100;
/** After how many new rows old ones are deleted: twice as many at most. */
const TRIMMED_AFTER = 32;

/** The removals of one transaction. */
export interface RemovalLog {
  /** Forgets what was added: a transaction begins. */
  begin(): void;
  /** @param note what `delete` or `revokeOwner` was given, or what the store says by itself */
  add(head: Head, note: string): void;
  /** How many were added. */
  size(): number;
  /** Writes down what was added. @param last the number of the last one */
  write(last: number): void;
  /** Deletes what has been kept for long enough. */
  trim(): void;
}

/** A removal as it is kept, in JSON: it keeps every string, lone surrogates and NUL as well. */
type Noted = readonly [
  key: string,
  owner: string | null,
  rev: string,
  meta: string,
  createdAt: number,
  touchedAt: number,
  expiresAt: number,
  note: string,
];

export function removalLog(port: SqlPort, namespace: number): RemovalLog {
  const added: Noted[] = [];
  let untrimmed = 0;

  function trim(): void {
    const most = 2 * Math.max(untrimmed, TRIMMED_AFTER);
    untrimmed = 0;
    port.run(sql.TRIM_REMOVALS, namespace, namespace, most, namespace, KEPT, KEPT_SECONDS);
  }

  return {
    begin() {
      added.length = 0;
    },
    add({ key, owner, rev, meta, createdAt, touchedAt, expiresAt }, note) {
      added.push([key, owner, rev, meta, createdAt, touchedAt, expiresAt, note]);
    },
    size: () => added.length,
    write(last) {
      const first = last - added.length;
      untrimmed += Math.ceil(added.length / IN_A_ROW);
      // Before they are added, so that whoever removes very many is told of all.
      if (untrimmed >= TRIMMED_AFTER) trim();
      for (let from = 0; from < added.length; from += IN_A_ROW) {
        const noted = added.slice(from, from + IN_A_ROW);
        port.run(sql.NOTE_REMOVALS, namespace, first + from + noted.length, JSON.stringify(noted));
      }
    },
    trim,
  };
}

/** A row of the log. */
export interface NotedRemovals {
  /** The number of the last one of them. */
  readonly number: number;
  readonly removed: readonly Removed[];
}

/** What a follower reads from. Each of them throws a `StoreError`. */
export interface RemovalSource {
  /** Makes sure that file and tables are still the store's own. */
  check(): void;
  /** The number of the last removal; `null` if none is noted. */
  last(): number | null;
  /** The rows from a number on. */
  from(number: number, limit: number): readonly NotedRemovals[];
  /** Has removals noted from now on. The number of the last one so far. */
  start(): number;
}

export function removalSource(port: SqlPort, namespace: number, check: () => void): RemovalSource {
  function last(): number | null {
    const last = namespaceRow(port.get(sql.READ_REMOVALS, namespace))["removals"];
    return last === null ? null : Number(last);
  }

  return {
    check,
    last,
    from: (number, limit) => port.all(sql.LIST_REMOVALS, namespace, number, limit).map(notedOf),
    start: () =>
      port.transaction(() => {
        checkVersion(port);
        const there = last();
        if (there !== null) return there;
        // Of a namespace that had this id before, if there was one.
        port.run(sql.DELETE_REMOVALS, namespace);
        port.run(sql.START_REMOVALS, namespace);
        return 0;
      }),
  };
}

function notedOf(row: SqlRow): NotedRemovals {
  const noted = JSON.parse(row["removed"] as string) as readonly Noted[];
  return { number: Number(row["number"]), removed: noted.map(removedOf) };
}

function removedOf([key, owner, rev, meta, createdAt, touchedAt, expiresAt, note]: Noted): Removed {
  const head = Object.freeze({ key, owner, rev, meta, createdAt, touchedAt, expiresAt });
  return Object.freeze({ head, note });
}
