/** The table of an audit log, and its statements. */
import type { SqlPort, SqlRow, SqlValue } from "../store/sqlite/sql-port.ts";
import { fromStored, toStored } from "../store/stored-text.ts";
import type { AuditRecord } from "./audit-log.ts";

/** What is asked of an audit log: all conditions that are given hold. */
export interface AuditQuery {
  readonly userId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly type?: AuditRecord["type"] | undefined;
  readonly reason?: NonNullable<AuditRecord["reason"]> | undefined;
  /** From this instant on, in epoch milliseconds. */
  readonly from?: number | undefined;
  /** Before this instant, in epoch milliseconds. */
  readonly to?: number | undefined;
}

/**
 * Ids are never used twice, so that (at, id) is a place in the log that stays. Each index ends in the rowid, which is
 * the id: any query reads its page in order and no more. A record cannot be changed, only removed when it is old.
 */
const SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS sojourn_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    userId TEXT,
    sessionId TEXT,
    reason TEXT,
    ip TEXT,
    userAgent TEXT
  ) STRICT`,
  "CREATE INDEX IF NOT EXISTS sojourn_audit_at ON sojourn_audit (at)",
  "CREATE INDEX IF NOT EXISTS sojourn_audit_user ON sojourn_audit (userId, at) WHERE userId IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS sojourn_audit_session ON sojourn_audit (sessionId, at) WHERE sessionId IS NOT NULL",
  "CREATE INDEX IF NOT EXISTS sojourn_audit_type ON sojourn_audit (type, at)",
  "CREATE INDEX IF NOT EXISTS sojourn_audit_reason ON sojourn_audit (reason, at) WHERE reason IS NOT NULL",
  `CREATE TRIGGER IF NOT EXISTS sojourn_audit_stays BEFORE UPDATE ON sojourn_audit
    BEGIN SELECT RAISE(ABORT, 'an audit record cannot be changed'); END`,
];

const COLUMNS = "at, type, userId, sessionId, reason, ip, userAgent";

const CONDITIONS = {
  userId: "userId = ?",
  sessionId: "sessionId = ?",
  type: "type = ?",
  reason: "reason = ?",
  from: "at >= ?",
  to: "at < ?",
} as const satisfies Record<keyof AuditQuery, string>;

/** The statements, over a table that is there. */
export interface AuditTable {
  /** Adds all records, or none. */
  insert(records: readonly AuditRecord[]): void;
  /** The latest first, after a place. Each with its own place. */
  select(query: AuditQuery, after: Place | undefined, limit: number): readonly (readonly [AuditRecord, Place])[];
  /** Removes the oldest before an instant, and returns how many. */
  remove(before: number, limit: number): number;
}

/** Where a record is in the log. */
export type Place = readonly [at: number, id: number];

/** @throws StoreError */
export function auditTable(port: SqlPort): AuditTable {
  if (port.get("SELECT 1 FROM sqlite_master WHERE name = 'sojourn_audit_stays'") === undefined) {
    port.transaction(() => {
      for (const sql of SCHEMA) port.run(sql);
    });
  }
  return {
    insert(records) {
      port.transaction(() => {
        for (const record of records) {
          port.run(`INSERT INTO sojourn_audit (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)`, ...toRow(record));
        }
      });
    },

    select(query, after, limit) {
      const names = (Object.keys(CONDITIONS) as (keyof AuditQuery)[]).filter((name) => query[name] !== undefined);
      const conditions = [
        ...names.map((name) => CONDITIONS[name]),
        ...(after === undefined ? [] : ["(at, id) < (?, ?)"]),
      ];
      const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
      const values = names.map((name) => stored(query[name] ?? null));
      return port
        .all(
          `SELECT id, ${COLUMNS} FROM sojourn_audit ${where} ORDER BY at DESC, id DESC LIMIT ?`,
          ...values,
          ...(after ?? []),
          limit,
        )
        .map((row) => [fromRow(row), [Number(row["at"]), Number(row["id"])]] as const);
    },

    remove: (before, limit) =>
      port.all(
        `DELETE FROM sojourn_audit WHERE id IN (SELECT id FROM sojourn_audit WHERE at < ? ORDER BY at LIMIT ?) RETURNING id`,
        before,
        limit,
      ).length,
  };
}

/** A value as it is stored. */
function stored(value: string | number | null): SqlValue {
  return typeof value === "string" ? toStored(value) : value;
}

function toRow({ at, type, userId, sessionId, reason, ip, userAgent }: AuditRecord): readonly SqlValue[] {
  return [at, type, userId, sessionId, reason, ip, userAgent].map(stored);
}

function fromRow(row: SqlRow): AuditRecord {
  const given = (name: string): string | null => {
    const value = row[name];
    return typeof value === "string" ? fromStored(value) : null;
  };
  return {
    at: Number(row["at"]),
    type: row["type"] as AuditRecord["type"],
    userId: given("userId"),
    sessionId: given("sessionId"),
    reason: given("reason") as AuditRecord["reason"],
    ip: given("ip"),
    userAgent: given("userAgent"),
  };
}
