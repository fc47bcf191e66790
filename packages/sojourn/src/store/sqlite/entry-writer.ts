/** The calls that change something. They run inside a transaction, one or many of them. */
import { RECLAIM_PER_PUT, type Entry, type Expected, type Head, type Put, type Touch } from "../store.ts";
import { entryOfValues, headOf } from "./entry-row.ts";
import { expiryCounts } from "./expiry-counts.ts";
import { removalLog } from "./removal-log.ts";
import type { SqlPort, SqlRow } from "./sql-port.ts";
import { checkVersion, namespaceRow } from "./schema.ts";
import * as sql from "./statements.ts";
import { noteOfPut } from "../removal-listeners.ts";
import { toStored } from "../stored-text.ts";

/**
 * For how many changes a revocation is remembered at least: a login is refused that began before so many. Each
 * revocation forgets more than itself of those that are older.
 */
const REMEMBERED_CHANGES = 100_000;
const FORGOTTEN_AT_ONCE = 10;

/** The changing calls of a namespace. Their arguments have been checked. */
export interface Writes {
  /** @param began the count of changes when the creation began; `undefined` if it begins in this transaction */
  put(entry: Entry, expected: Expected, now: number, began: number | undefined): Put;
  touch(key: string, rev: string, to: Touch, now: number): boolean;
  delete(key: string, note: string): Head | undefined;
  revokeOwner(owner: string, except: string | undefined, note: string): readonly Head[];
  sweep(now: number, limit: number): readonly Head[];
}

/** What one transaction did. */
export interface Written<T> {
  readonly result: T;
  /** The namespace's count of changes after it; `undefined` if it changed no entry. */
  readonly changes: number | undefined;
  /** The number of the last removal that it noted; `undefined` if it noted none. */
  readonly removals: number | undefined;
}

export interface EntryWriter {
  /** Runs the work in one transaction. What it changes and the totals are committed together, or nothing is. */
  transaction<T>(work: (writes: Writes) => T): Written<T>;
}

/** The put that reclaims for all puts of its transaction. */
interface Reclaimer {
  readonly removed: Head[];
  readonly now: number;
}

export function entryWriter(port: SqlPort, namespace: number): EntryWriter {
  const expiries = expiryCounts(port, namespace);
  const removals = removalLog(port, namespace);
  // Of the transaction that runs. There is one at a time on a connection.
  let added = 0;
  let changed = false;
  let stored = 0;
  let reclaimer: Reclaimer | undefined;
  let swept = false;

  function note(rowsAdded: number): void {
    added += rowsAdded;
    changed = true;
  }

  function removed(rows: readonly SqlRow[], why: string): Head[] {
    if (rows.length > 0) note(-rows.length);
    const heads = rows.map(headOf);
    for (const head of heads) {
      expiries.removed(head.expiresAt);
      removals.add(head, why);
    }
    return heads;
  }

  function findHead(key: string): { readonly id: number; readonly head: Head } | undefined {
    const row = port.get(sql.FIND_HEAD, namespace, toStored(key));
    return row && { id: Number(row["id"]), head: headOf(row) };
  }

  function isRevoked({ owner }: Entry, began: number | undefined): boolean {
    if (owner === null || began === undefined) return false;
    return port.get(sql.FIND_REVOCATION, namespace, began, toStored(owner), began) !== undefined;
  }

  function remember(owner: string): void {
    // What the count will be when this transaction is over.
    const number = Number(port.get(sql.READ_CHANGES, namespace)!["changes"]) + 1;
    port.run(sql.REMEMBER_REVOCATION, namespace, owner, number);
    const gone = port.all(sql.FORGET_REVOCATIONS, namespace, number - REMEMBERED_CHANGES, FORGOTTEN_AT_ONCE);
    if (gone.length > 0) port.run(sql.RAISE_HORIZON, Math.max(...gone.map((row) => Number(row["number"]))), namespace);
    // Also where nothing is removed: the number has to be used up.
    note(0);
  }

  function insert(entry: Entry): void {
    port.run(sql.INSERT_ENTRY, namespace, toStored(entry.key), ...columnsOf(entry));
    note(1);
    expiries.added(entry.expiresAt);
  }

  function update(id: number, before: Head, entry: Entry): void {
    port.run(sql.UPDATE_ENTRY, ...columnsOf(entry), id);
    note(0);
    expiries.moved(before.expiresAt, entry.expiresAt);
  }

  function sweep(now: number, limit: number): Head[] {
    // The order of RETURNING is not defined.
    return removed(port.all(sql.DELETE_EXPIRED, namespace, now, limit), "").sort((a, b) => a.expiresAt - b.expiresAt);
  }

  const writes: Writes = {
    put(entry, expected, now, began) {
      const there = findHead(entry.key);
      const live = there !== undefined && now < there.head.expiresAt ? there : undefined;
      if (live?.head.rev === entry.rev) return { outcome: "stored", removed: [] };
      if (!meets(live?.head, expected)) return { outcome: "conflict", current: live && find(live.head.key) };
      const over = expected === "any" ? undefined : live;
      if (over?.head.owner !== entry.owner && isRevoked(entry, began)) return { outcome: "revoked" };
      const heads: Head[] = there === undefined || over !== undefined ? [] : [there.head];
      for (const head of heads) removals.add(head, noteOfPut(head, entry.key, now));
      if (there === undefined) insert(entry);
      else update(there.id, there.head, over === undefined ? entry : { ...entry, ...later(entry, over.head) });
      stored++;
      reclaimer = { removed: heads, now };
      return { outcome: "stored", removed: heads };
    },

    touch(key, rev, to, now) {
      const there = findHead(key);
      if (there === undefined || now >= there.head.expiresAt || there.head.rev !== rev) return false;
      const { touchedAt, expiresAt } = later(to, there.head);
      if (touchedAt !== there.head.touchedAt || expiresAt !== there.head.expiresAt) {
        port.run(sql.TOUCH_ENTRY, touchedAt, expiresAt, there.id);
        note(0);
        expiries.moved(there.head.expiresAt, expiresAt);
      }
      return true;
    },

    delete: (key, why) => removed(port.all(sql.DELETE_ENTRY, namespace, toStored(key)), why)[0],

    revokeOwner(owner, except, why) {
      const stored = toStored(owner);
      remember(stored);
      const spared = except === undefined ? null : toStored(except);
      return removed(port.all(sql.DELETE_OWNED, namespace, stored, spared), why);
    },

    sweep(now, limit) {
      swept = true;
      return sweep(now, limit);
    },
  };

  function find(key: string): Entry {
    return entryOfValues(port.getValues(sql.READ_ENTRY, namespace, toStored(key))!);
  }

  function finish(): Omit<Written<unknown>, "result"> {
    if (reclaimer !== undefined) {
      const { now, removed } = reclaimer;
      removed.push(...sweep(now, RECLAIM_PER_PUT * stored));
    }
    expiries.write();
    const totals = changed ? writeTotals() : NOTHING;
    // Also where nothing is removed any more, the last removals go some day.
    if (swept && removals.size() === 0) removals.trim();
    return totals;
  }

  function writeTotals(): Omit<Written<unknown>, "result"> {
    const row = namespaceRow(port.get(sql.WRITE_TOTALS, added, removals.size(), namespace));
    const changes = Number(row["changes"]);
    if (row["removals"] === null || removals.size() === 0) return { changes, removals: undefined };
    const last = Number(row["removals"]);
    removals.write(last);
    return { changes, removals: last };
  }

  return {
    transaction(work) {
      return port.transaction(() => {
        added = 0;
        changed = false;
        stored = 0;
        reclaimer = undefined;
        swept = false;
        expiries.begin();
        removals.begin();
        checkVersion(port);
        const result = work(writes);
        return { result, ...finish() };
      });
    },
  };
}

const NOTHING = Object.freeze({ changes: undefined, removals: undefined });

/** The columns that a put writes besides the key, in the order of the statements. */
function columnsOf({ owner, rev, meta, createdAt, touchedAt, expiresAt, value }: Entry) {
  return [
    owner === null ? null : toStored(owner),
    toStored(rev),
    toStored(meta),
    createdAt,
    touchedAt,
    expiresAt,
    typeof value === "string" ? toStored(value) : value,
  ] as const;
}

/** Neither a put over a rev nor a touch takes time away. */
function later(to: Touch, there: Touch): Touch {
  return {
    touchedAt: Math.max(to.touchedAt, there.touchedAt),
    expiresAt: Math.max(to.expiresAt, there.expiresAt),
  };
}

function meets(live: Head | undefined, expected: Expected): boolean {
  if (expected === "any") return true;
  return expected === null ? live === undefined : live?.rev === expected;
}
