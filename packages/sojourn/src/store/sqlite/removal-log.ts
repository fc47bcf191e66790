/**
 * The removals of a namespace, each with a number in the order of the commits, for those who watch them (rule 17).
 *
 * Nothing is noted until somebody has watched the namespace for the first time; from then on, every transaction that removes
 * entries writes their heads down, so that no follower can miss one that is acknowledged. `removals` in the row of the
 * namespace is the last number, and NULL before that first time. Every transaction writes that row, and so learns of it.
 *
 * What is older than ten minutes, and all but the last {@link KEPT}, is deleted on the way. A follower that comes later
 * sees the gap. The age is by SQLite's own clock: it judges nothing, it only makes room.
 */
import { toStored } from "../stored-text.ts";
import type { Head } from "../store.ts";
import { headOf } from "./entry-row.ts";
import { namespaceRow } from "./schema.ts";
import type { SqlPort, SqlRow } from "./sql-port.ts";
import * as sql from "./statements.ts";

/** How many are kept at most. */
export const KEPT = 20_000;
/** For how long, in seconds. */
export const KEPT_SECONDS = 600;
/** How many are deleted at once at most, besides twice as many as were added; and how often that is done. */
const TRIMMED_AT_ONCE = 64;

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
  /** From now on, removals are noted. The number of the last one so far. */
  start(): number;
}

export function removalLog(port: SqlPort, namespace: number): RemovalLog {
  const added: { readonly head: Head; readonly note: string }[] = [];

  function trim(): void {
    const most = TRIMMED_AT_ONCE + 2 * added.length;
    port.run(sql.TRIM_REMOVALS, namespace, namespace, most, namespace, KEPT, KEPT_SECONDS);
  }

  return {
    begin: () => void added.splice(0),
    add: (head, note) => void added.push({ head, note }),
    size: () => added.length,
    write(last) {
      let number = last - added.length;
      for (const { head, note } of added) port.run(sql.NOTE_REMOVAL, namespace, ++number, ...columnsOf(head), note);
      if (Math.floor(last / TRIMMED_AT_ONCE) !== Math.floor((last - added.length) / TRIMMED_AT_ONCE)) trim();
    },
    trim,
    start() {
      const last = lastRemoval(port, namespace);
      if (last !== null) return last;
      // Of a namespace that had this id before, if there was one.
      port.run(sql.DELETE_REMOVALS, namespace);
      port.run(sql.START_REMOVALS, namespace);
      return 0;
    },
  };
}

/** The number of the last removal; `null` if none is noted. */
export function lastRemoval(port: SqlPort, namespace: number): number | null {
  const last = namespaceRow(port.get(sql.READ_REMOVALS, namespace))["removals"];
  return last === null ? null : Number(last);
}

/** A removal that was noted. */
export interface NotedRemoval {
  readonly number: number;
  readonly head: Head;
  readonly note: string;
}

/** The removals from a number on. */
export function removalsFrom(port: SqlPort, namespace: number, from: number, limit: number): readonly NotedRemoval[] {
  return port.all(sql.LIST_REMOVALS, namespace, from, limit).map(notedOf);
}

function notedOf(row: SqlRow): NotedRemoval {
  return { number: Number(row["number"]), head: Object.freeze(headOf(row)), note: row["note"] as string };
}

function columnsOf({ key, owner, rev, meta, createdAt, touchedAt, expiresAt }: Head) {
  const storedOwner = owner === null ? null : toStored(owner);
  return [toStored(key), storedOwner, toStored(rev), toStored(meta), createdAt, touchedAt, expiresAt] as const;
}
