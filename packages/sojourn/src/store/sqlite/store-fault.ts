/** How the errors of SQLite drivers become the faults of the store contract. */
import { StoreError, type StoreErrorCode } from "../../errors.ts";

interface Kind {
  /** The primary result code. */
  readonly result: number;
  readonly name: string;
  readonly code: StoreErrorCode;
  readonly message: string;
}

const FULL: Kind = { result: 13, name: "FULL", code: "store_full", message: "The disk, or the database, is full" };
const UNAVAILABLE: Omit<Kind, "result" | "name"> = {
  code: "store_unavailable",
  message: "SQLite could not do it",
};
const BUSY = "SQLite is busy: another connection holds the lock, and the busy timeout has passed";

const KINDS: readonly Kind[] = [
  FULL,
  { result: 5, name: "BUSY", code: "store_unavailable", message: BUSY },
  { result: 6, name: "LOCKED", code: "store_unavailable", message: BUSY },
  { result: 8, name: "READONLY", code: "store_readonly", message: "The database cannot be written" },
  { result: 11, name: "CORRUPT", code: "store_corrupt", message: "The database file is damaged" },
  { result: 26, name: "NOTADB", code: "store_corrupt", message: "The file is not an SQLite database" },
  { result: 14, name: "CANTOPEN", code: "store_unavailable", message: "The database file cannot be opened" },
];

/**
 * SQLITE_IOERR_WRITE, _TRUNCATE and _SHMSIZE. SQLite turns ENOSPC into SQLITE_FULL in some places only: a short
 * write, a file size limit and a full disk below the shared memory file arrive as these.
 */
const FAILED_GROWTH = new Set([778, 1546, 4874]);
/** SQLITE_READONLY_DBMOVED: with a rollback journal, SQLite finds a file that was moved itself. */
const MOVED = 1032;
const FAILED_GROWTH_NAME = /^IOERR_(WRITE|TRUNCATE|SHMSIZE)/;
const CLOSED = /not open|closed database|has been finalized/i;

/** The fault that an error of a driver stands for; one that is a `StoreError` already stays what it is. */
export function storeFault(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (CLOSED.test(text)) return new StoreError("store_closed", "The database is closed", { cause: error });
  const { code, message } = kindOf(error, text);
  return new StoreError(code, `${message} (${text})`, { cause: error });
}

/** node:sqlite has a number in `errcode`, bun:sqlite in `errno`; better-sqlite3 a name; a Durable Object only words. */
function kindOf(error: unknown, text: string): Omit<Kind, "result" | "name"> {
  const { errcode, errno, code } = Object(error) as { errcode?: unknown; errno?: unknown; code?: unknown };
  const result = typeof errcode === "number" ? errcode : errno;
  if (typeof result === "number") {
    if (FAILED_GROWTH.has(result)) return FULL;
    if (result === MOVED) return UNAVAILABLE;
    return KINDS.find((kind) => kind.result === (result & 0xff)) ?? UNAVAILABLE;
  }
  const name = /SQLITE_([A-Z_]+)/.exec(typeof code === "string" ? `${code} ${text}` : text)?.[1];
  if (name === undefined) return UNAVAILABLE;
  if (FAILED_GROWTH_NAME.test(name)) return FULL;
  if (name === "READONLY_DBMOVED") return UNAVAILABLE;
  return KINDS.find((kind) => name === kind.name || name.startsWith(`${kind.name}_`)) ?? UNAVAILABLE;
}
