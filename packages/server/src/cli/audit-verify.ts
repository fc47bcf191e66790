/** `sojourn audit verify`: whether an audit log, in an SQLite file or in Postgres, is as it was written. */
import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { StoreError } from "sojourn";
import type { AuditVerification } from "sojourn/audit/sqlite";
import { UsageError } from "./report-error.ts";
import { silenceSqliteWarning } from "./silence-sqlite-warning.ts";

/** As commander hands them over. */
export interface AuditVerifyFlags {
  readonly head?: string;
}

/** How long a read waits for another connection's lock, in milliseconds. */
const BUSY_TIMEOUT = 5_000;

/** The low byte of SQLite's result codes: READONLY, CANTOPEN and NOTADB. */
const READONLY = 8;
const CANTOPEN = 14;
const NOTADB = 26;

/**
 * Verifies a log, says on one line what it found, and sets the exit code: 0 if the log is intact, 1 if it is not.
 *
 * @param log a file, or a `postgres://` URL
 * @throws UsageError if nothing can be verified: there is no such file or server, no log or no chain in it, or the head is none
 */
export async function auditVerify(log: string, { head }: AuditVerifyFlags): Promise<void> {
  const { shown, verified } = /^postgres(?:ql)?:/i.test(log)
    ? await (await import("./open-postgres.ts")).verifyPostgres(log, head)
    : { shown: log, verified: await verifyFile(log, head) };
  process.stdout.write(`${shown} ${verified.intact ? whatIsThere(verified) : whatIsWrong(verified)}\n`);
  process.exitCode = verified.intact ? 0 : 1;
}

async function verifyFile(file: string, head: string | undefined): Promise<AuditVerification> {
  checkFile(file);
  silenceSqliteWarning();
  // Only here: a server on another store runs where there is no node:sqlite.
  const [sqlite, { sqliteAuditSink }] = await Promise.all([import("node:sqlite"), import("sojourn/audit/sqlite")]);
  let database: DatabaseSync | undefined;
  try {
    // Whoever verifies a log is to have no way to change it. An absolute path is never a URI to SQLite.
    database = new sqlite.DatabaseSync(resolve(file), { readOnly: true, timeout: BUSY_TIMEOUT });
    checkTables(file, database);
    return sqliteAuditSink({ database }).verify({ head });
  } catch (error) {
    throw reasonOf(file, error);
  } finally {
    database?.close();
  }
}

function checkFile(file: string): void {
  let isFile: boolean | undefined;
  try {
    isFile = statSync(file, { throwIfNoEntry: false })?.isFile();
    if (isFile === true) accessSync(file, constants.R_OK);
  } catch (error) {
    throw new UsageError(`${file} cannot be read by this user (${(error as NodeJS.ErrnoException).code})`);
  }
  if (isFile === undefined) throw new UsageError(`${file} is not there`);
  if (!isFile) throw new UsageError(`${file} is no file`);
}

/** Before the sink looks: it would make tables that are not there. */
function checkTables(file: string, database: DatabaseSync): void {
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const has = (table: string): boolean => tables.some(({ name }) => name === table);
  if (!has("sojourn_audit")) throw new UsageError(`${file} is no audit log: it has no table sojourn_audit`);
  if (!has("sojourn_audit_start")) {
    throw new UsageError(`${file} has no chain, or has it no longer: its records cannot be verified`);
  }
}

function reasonOf(file: string, error: unknown): unknown {
  if (error instanceof UsageError) return error;
  if (error instanceof TypeError) return new UsageError(`--head: ${error.message}`);
  const { cause = error, message } = error as Error;
  const { errcode } = Object(cause) as { readonly errcode?: number };
  if (errcode === undefined && !(error instanceof StoreError)) return error;
  const result = (errcode ?? 0) & 0xff;
  if (result === NOTADB) return new UsageError(`${file} is no audit log: it is not an SQLite database`);
  if (result !== READONLY && result !== CANTOPEN) return new UsageError(`${file} cannot be verified: ${message}`);
  return new UsageError(
    `${file} cannot be read where it is, since SQLite needs files beside it (${message}): ` +
      "copy it, and its -wal if there is one, to a folder that you can write",
  );
}

function whatIsThere(log: AuditVerification & { readonly intact: true }): string {
  const { records, removed, earliest, latest, head } = log;
  const span =
    earliest === undefined || latest === undefined ? "" : `, from ${instant(earliest)} to ${instant(latest)}`;
  const before = removed === 0 ? "" : `, behind ${removed} that were removed`;
  return `is intact: ${count(records)}${span}${before}; note its head elsewhere: ${head}`;
}

function whatIsWrong({ id, reason, records }: AuditVerification & { readonly intact: false }): string {
  if (reason === "removed")
    return `begins behind record ${id}, of which the given head is: verify it with a later head`;
  if (id === 0) return "is not intact: the start of its chain is missing";
  const what = reason === "changed" ? "was changed" : "is missing";
  return `is not intact: record ${id} ${what}, behind ${count(records)} that are as they were written`;
}

function count(records: number): string {
  return records === 1 ? "1 record" : `${records} records`;
}

/** Whatever number stands in the log: a date has fewer. */
function instant(at: number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString();
}
