/** The table of an audit log, and its statements. */
import { StoreError } from "../errors.ts";
import { run } from "../store/reply.ts";
import type { SqlPort, SqlRow, SqlValue } from "../store/sqlite/sql-port.ts";
import { fromStored, toStored } from "../store/stored-text.ts";
import { linkTo, ORIGIN, verifyChain, type AuditVerification, type Chain, type ChainLink } from "./audit-chain.ts";
import type { AuditRecord } from "./audit-log.ts";
import type { AuditQuery, Place } from "./stored-audit-sink.ts";

/**
 * Ids are never used twice, so that (at, id) is a place in the log that stays. Each index ends in the rowid, which is
 * the id: any query reads its page in order and no more.
 *
 * Records are added at the end and removed from the start, and nothing else: `sojourn_audit_start` has the last one that
 * was removed, and no record behind it can be. The triggers stop mistakes, and what comes through one statement; the
 * hashes show what was done by somebody who took the triggers away.
 */
const SCHEMA: readonly string[] = [
  `CREATE TABLE sojourn_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    userId TEXT,
    sessionId TEXT,
    reason TEXT,
    ip TEXT,
    userAgent TEXT,
    hash TEXT NOT NULL
  ) STRICT`,
  "CREATE INDEX sojourn_audit_at ON sojourn_audit (at)",
  "CREATE INDEX sojourn_audit_user ON sojourn_audit (userId, at) WHERE userId IS NOT NULL",
  "CREATE INDEX sojourn_audit_session ON sojourn_audit (sessionId, at) WHERE sessionId IS NOT NULL",
  "CREATE INDEX sojourn_audit_type ON sojourn_audit (type, at)",
  "CREATE INDEX sojourn_audit_reason ON sojourn_audit (reason, at) WHERE reason IS NOT NULL",
  "CREATE TABLE sojourn_audit_start (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL, hash TEXT NOT NULL) STRICT",
  `INSERT INTO sojourn_audit_start (one, id, hash) VALUES (1, ${ORIGIN.id}, '${ORIGIN.hash}')`,
  trigger("stays", "UPDATE ON sojourn_audit", "1", "an audit record cannot be changed"),
  // Also for INSERT OR REPLACE, which would remove a record without a DELETE.
  trigger(
    "grows",
    "INSERT ON sojourn_audit",
    "EXISTS (SELECT 1 FROM sojourn_audit WHERE id >= NEW.id)",
    "audit records are added at the end",
  ),
  trigger(
    "keeps",
    "DELETE ON sojourn_audit",
    "OLD.id > (SELECT max(id) FROM (SELECT id FROM sojourn_audit_start UNION SELECT 0))",
    "audit records are removed from the start of the log",
  ),
  trigger(
    "start_moves",
    "UPDATE ON sojourn_audit_start",
    "NOT EXISTS (SELECT 1 FROM sojourn_audit WHERE id = NEW.id AND hash = NEW.hash)",
    "the start of an audit log moves to one of its records",
  ),
  trigger("start_stays", "DELETE ON sojourn_audit_start", "1", "the start of an audit log stays"),
  trigger("start_is_one", "INSERT ON sojourn_audit_start", "1", "the start of an audit log is there"),
];

function trigger(name: string, event: string, when: string, message: string): string {
  return `CREATE TRIGGER sojourn_audit_${name} BEFORE ${event} WHEN ${when}
    BEGIN SELECT RAISE(ABORT, '${message}'); END`;
}

const COLUMNS = "at, type, userId, sessionId, reason, ip, userAgent";
/**
 * What is verified may have been changed, and node:sqlite throws for an integer that no number holds. All that the sink
 * writes are safe integers, which REAL has exactly.
 */
const VERIFIED = `CAST(id AS REAL) AS id, ${COLUMNS.replace("at,", "CAST(at AS REAL) AS at,")}, hash`;

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
  /** Removes from the start those before an instant, up to the first that is not, and returns how many. */
  remove(before: number, limit: number): number;
  /** Reads the whole chain. */
  verify(noted: ChainLink | undefined): AuditVerification;
}

/** @throws StoreError */
export function auditTable(port: SqlPort): AuditTable {
  makeTables(port);

  function start(): ChainLink | undefined {
    return linkOf(port.get("SELECT CAST(id AS REAL) AS id, hash FROM sojourn_audit_start"));
  }

  return {
    insert(records) {
      port.transaction(() => {
        const last = linkOf(port.get("SELECT id, hash FROM sojourn_audit ORDER BY id DESC LIMIT 1"));
        let before = last ?? start() ?? ORIGIN;
        for (const record of records) {
          const { id, hash } = (before = linkTo(before, record));
          port.run(
            `INSERT INTO sojourn_audit (id, ${COLUMNS}, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
            id,
            ...toRow(record),
            hash,
          );
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

    remove(before, limit) {
      return port.transaction(() => {
        const first = port.all("SELECT id, at, hash FROM sojourn_audit ORDER BY id LIMIT ?", limit);
        const end = first.findIndex((row) => Number(row["at"]) >= before);
        const old = end === -1 ? first : first.slice(0, end);
        const last = linkOf(old.at(-1));
        if (last === undefined) return 0;
        port.run("UPDATE sojourn_audit_start SET id = ?, hash = ?", last.id, last.hash);
        port.run("DELETE FROM sojourn_audit WHERE id <= ?", last.id);
        return old.length;
      });
    },

    verify(noted) {
      for (;;) {
        const from = start();
        // Before the records are read: others may be added meanwhile.
        const given = Number(
          port.get("SELECT CAST(seq AS REAL) AS seq FROM sqlite_sequence WHERE name = 'sojourn_audit'")?.["seq"] ?? 0,
        );
        const after: Chain<"sync">["after"] = (id) =>
          port
            .all(`SELECT ${VERIFIED} FROM sojourn_audit WHERE id > ? ORDER BY sojourn_audit.id LIMIT 1000`, id)
            .map((row) => [fromRow(row), linkOf(row) as ChainLink]);
        const verified = run("sync", verifyChain({ start: from, given, after }, noted));
        // What another process removed while it was read is not missing.
        if (verified.intact || start()?.id === from?.id) return verified;
      }
    },
  };
}

function makeTables(port: SqlPort): void {
  const has = (name: string): boolean => port.get("SELECT 1 FROM sqlite_master WHERE name = ?", name) !== undefined;
  if (has("sojourn_audit_start")) return;
  port.transaction(() => {
    // Another process may have made them while this one waited.
    if (has("sojourn_audit_start")) return;
    if (has("sojourn_audit")) {
      throw new StoreError(
        "store_schema",
        "The table sojourn_audit has no chain: take another file, and keep this one",
      );
    }
    for (const sql of SCHEMA) port.run(sql);
  });
}

function linkOf(row: SqlRow | undefined): ChainLink | undefined {
  return row && { id: Number(row["id"]), hash: String(row["hash"]) };
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
