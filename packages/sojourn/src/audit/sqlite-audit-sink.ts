/** An audit log in an SQLite table: to be asked by user, session, reason and time. */
import { StoreError } from "../errors.ts";
import { requireOptions } from "../options.ts";
import { show } from "../show.ts";
import { checkInstant, checkLimit } from "../store/check.ts";
import { databasePort, type SqliteDatabase } from "../store/sqlite/sql-port.ts";
import { openFile, type OpenedFile } from "../store/sqlite/open-file.ts";
import { parseDuration, type Duration } from "../time/duration.ts";
import { parseHead } from "./audit-chain.ts";
import type { AuditRecord } from "./audit-log.ts";
import { auditTable } from "./audit-table.ts";
import { checkBatch, checkQuery, lostRecord, MOST_PENDING, pageOf, type StoredAuditSink } from "./stored-audit-sink.ts";

/** Options of every `sqliteAuditSink`. */
export interface SqliteAuditOptions {
  /**
   * How many records are written together: so many wait in memory, and are lost if the process dies. 1 writes each one
   * at once, in the middle of the call that it is about. No timer writes them; call `flush` from one of yours.
   * @default 64
   */
  readonly batch?: number;
}

/** A table in a file, which the sink opens with node:sqlite and closes. */
export interface SqliteAuditFileOptions extends SqliteAuditOptions {
  /** The file, made if it is not there. One of its own keeps its writes out of the sessions' way. */
  readonly path: string;
  readonly database?: never;
  /** How long a write waits for another connection's lock, and holds up the call that caused it. @default "250ms" */
  readonly busyTimeout?: Duration;
}

/** A table in a database that the application has opened, and closes itself. */
export interface SqliteAuditHandleOptions extends SqliteAuditOptions {
  readonly database: SqliteDatabase;
  readonly path?: never;
  readonly busyTimeout?: never;
}

/** A `StoredAuditSink` that writes, and answers, within the call. */
export type SqliteAuditSink = StoredAuditSink<"sync">;

/**
 * A sink for `auditLog` in the table `sojourn_audit`. Records are added at its end, and removed from its start when they
 * are old. Each has a hash of itself and of the one before, so that `verify` finds any other change.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { auditLog } from "sojourn/audit";
 * import { sqliteAuditSink } from "sojourn/audit/sqlite";
 *
 * const sessions = createSessions();
 * const sink = sqliteAuditSink({ path: ":memory:" }); // or a file: "./audit.db"
 * const audit = auditLog(sessions, sink);
 * sessions.create("ann");
 * console.log(sink.query({ userId: "ann" }).items[0]?.type); // created
 * audit.stop();
 * sink.close();
 * ```
 * @throws TypeError for an option that is not what it should be
 * @throws StoreError if the file cannot be opened, or the table not be made; `store_schema` if a table of that name has
 *   no chain
 */
export function sqliteAuditSink(options: SqliteAuditFileOptions | SqliteAuditHandleOptions): SqliteAuditSink {
  requireOptions<SqliteAuditFileOptions | SqliteAuditHandleOptions>("sqliteAuditSink", options, {
    path: true,
    database: true,
    batch: true,
    busyTimeout: true,
  });
  const batch = checkBatch(options.batch ?? 64);
  const { port, close } = open(options);
  const table = auditTable(port);
  let pending: AuditRecord[] = [];
  /** How many more records until the next attempt: also after one that failed, or each call would wait for the lock. */
  let due = batch;
  let closed = false;

  function flush(): void {
    if (closed) throw new StoreError("store_closed", "The audit sink is closed");
    due = batch;
    if (pending.length === 0) return;
    table.insert(pending);
    pending = [];
  }

  return {
    write(record) {
      if (closed) throw new StoreError("store_closed", "The audit sink is closed");
      const lost = pending.length >= MOST_PENDING;
      if (!lost) pending.push(record);
      if (--due <= 0) flush();
      if (lost) throw lostRecord();
    },

    lastEnd(sessionId) {
      flush();
      return table.select({ sessionId, type: "ended" }, undefined, 1)[0]?.[0];
    },

    flush,

    query(asked = {}) {
      const { query, after, limit } = checkQuery(asked);
      flush();
      return pageOf(table.select(query, after, limit + 1), limit);
    },

    verify({ head } = {}) {
      const noted = head === undefined ? undefined : parseHead(head);
      flush();
      return table.verify(noted);
    },

    deleteBefore(instant, limit = 1_000) {
      checkInstant(instant, "instant");
      checkLimit(limit);
      flush();
      return table.remove(instant, limit);
    },

    close() {
      if (closed) return;
      flush();
      closed = true;
      close();
    },
  };
}

function open({
  path,
  database,
  busyTimeout = "250ms",
}: SqliteAuditFileOptions | SqliteAuditHandleOptions): Pick<OpenedFile, "port" | "close"> {
  if (path !== undefined && database !== undefined) throw new TypeError("Expected `path` or `database`, got both");
  if (path !== undefined) {
    if (typeof path !== "string" || path === "") {
      throw new TypeError(`Expected \`path\` to be the path of a file, got ${show(path)}`);
    }
    return openFile(path, parseDuration(busyTimeout, "busyTimeout", { zero: true }));
  }
  if (typeof database?.prepare !== "function") {
    throw new TypeError(`Expected \`path\`, or \`database\` to be an open SQLite database, got ${show(database)}`);
  }
  return { port: databasePort(database), close: () => {} };
}
