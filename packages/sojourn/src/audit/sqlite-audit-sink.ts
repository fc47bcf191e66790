/** An audit log in an SQLite table: to be asked by user, session, reason and time. */
import { StoreError } from "../errors.ts";
import { requireOptions } from "../options.ts";
import { show } from "../show.ts";
import { checkInstant, checkLimit, checkPage } from "../store/check.ts";
import { databasePort, type SqliteDatabase } from "../store/sqlite/sql-port.ts";
import { openFile, type OpenedFile } from "../store/sqlite/open-file.ts";
import type { Page } from "../store/store.ts";
import { parseDuration, type Duration } from "../time/duration.ts";
import { parseHead, type AuditVerification } from "./audit-chain.ts";
import type { AuditRecord, AuditSink } from "./audit-log.ts";
import { auditTable, type AuditQuery, type Place } from "./audit-table.ts";

/** How many records wait for a database that cannot be written, before further ones are lost, and reported so. */
const MOST_PENDING = 10_000;

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

/** An audit sink that remembers. What is asked of it includes what still waits to be written. */
export interface SqliteAuditSink extends AuditSink {
  write(record: AuditRecord): void;
  lastEnd(sessionId: string): AuditRecord | undefined;
  /** Writes down what waits. @throws StoreError, and then it still waits */
  flush(): void;
  /**
   * The records that meet every given condition, the latest first, a page at a time.
   *
   * @param query.after the `next` of the page before
   * @param query.limit 1 to 1,000, by default 100
   * @throws StoreError
   */
  query(query?: AuditQuery & { readonly after?: string | undefined; readonly limit?: number }): Page<AuditRecord>;
  /**
   * Whether the log is as it was written: reads every record, which takes some seconds for each million (OWASP ASVS
   * 5.0, 16.4.2).
   *
   * @param options.head the `head` of an earlier verification, which was noted where nobody who can write here can
   *   write: with it, a log that was written anew, or cut off at its end, is found out as well
   * @throws TypeError if the head is none
   * @throws StoreError
   */
  verify(options?: { readonly head?: string | undefined }): AuditVerification;
  /**
   * Removes records from before an instant, from the start of the log up to the first that is not: what a retention
   * period is kept with (OWASP ASVS 5.0, 16.1.1). Call it again while it returns `limit`. Where clocks differ, a record
   * can stay until the one that was written before it is old.
   *
   * @param instant in epoch milliseconds
   * @param limit how many at most, 1 to 1,000, by default 1,000
   * @returns how many it removed
   * @throws StoreError
   */
  deleteBefore(instant: number, limit?: number): number;
  /** Writes down what waits, and closes the file. A given database stays open. @throws StoreError */
  close(): void;
}

/**
 * A sink for `auditLog` in the table `sojourn_audit`. Records are added at its end, and removed from its start when they
 * are old. Each has a hash of itself and of the one before, so that `verify` finds any other change.
 *
 * ```ts
 * const sink = sqliteAuditSink({ path: "./audit.db" });
 * const audit = auditLog(sessions, sink);
 * sink.query({ userId: "user-42", reason: "reuse" });
 * ```
 *
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
  const { batch = 64 } = options;
  if (!Number.isSafeInteger(batch) || batch < 1 || batch > MOST_PENDING) {
    throw new TypeError(`Expected \`batch\` to be 1 to ${MOST_PENDING} records, got ${show(batch)}`);
  }
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
      if (lost) throw new StoreError("store_full", `${MOST_PENDING} audit records wait already; this one is lost`);
    },

    lastEnd(sessionId) {
      flush();
      return table.select({ sessionId, type: "ended" }, undefined, 1)[0]?.[0];
    },

    flush,

    query({ after, limit = 100, ...query } = {}) {
      checkPage({ after, limit });
      if (query.from !== undefined) checkInstant(query.from, "from");
      if (query.to !== undefined) checkInstant(query.to, "to");
      flush();
      const found = table.select(query, after === undefined ? undefined : parsePlace(after), limit + 1);
      const items = found.slice(0, limit);
      return {
        items: items.map(([record]) => record),
        next: found.length > limit ? items.at(-1)?.[1].join(".") : undefined,
      };
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

function parsePlace(after: string): Place {
  const [at = Number.NaN, id = Number.NaN] = after.split(".").map(Number);
  if (!Number.isSafeInteger(at) || !Number.isSafeInteger(id)) {
    throw new TypeError(`Expected \`after\` to be the \`next\` of a page, got ${show(after)}`);
  }
  return [at, id];
}
