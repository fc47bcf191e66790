/** Opening a file with node:sqlite, with the settings that the store's promises need. */
import { accessSync, closeSync, constants, openSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { StoreError } from "../../errors.ts";
import { dataVersionWatch, nothingToWatch, type ChangeWatch } from "./change-watch.ts";
import { areSameFiles, checkModes, filesOf, refuseEmptied, type OpenFile } from "./database-files.ts";
import { fileOf } from "./durability.ts";
import { databasePort, type SqliteDatabase, type SqlPort } from "./sql-port.ts";
import { storeFault } from "./store-fault.ts";
import { walIndexWatch } from "./wal-index-watch.ts";

/** A connection of the store's own. */
export interface OpenedFile {
  readonly port: SqlPort;
  /** The database, its `-wal` and its `-shm`; none in memory. */
  readonly files: readonly OpenFile[];
  close(): void;
}

interface NodeSqlite {
  readonly DatabaseSync: new (path: string) => SqliteDatabase & { close(): void };
}

/** How often opening begins anew when the file is replaced meanwhile. */
const ATTEMPTS = 3;

/**
 * Opens a file, or makes it, readable for its owner alone: sessions are in it.
 *
 * @param busyTimeout how long a call waits for another connection's lock, in milliseconds
 * @throws StoreError `store_unavailable`, `store_readonly`, `store_full` or `store_corrupt`
 */
export function openFile(path: string, busyTimeout: number): OpenedFile {
  const sqlite = nodeSqlite();
  if (path === ":memory:") return { ...connect(sqlite, path, busyTimeout), files: [] };
  // The name means the same file when the process changes its folder, and never a URI to SQLite.
  const file = resolve(path);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    refuseEmptied(file);
    makeFile(file);
    const before = filesOf(file);
    const opened = connect(sqlite, file, busyTimeout);
    try {
      const files = filesOf(file, ["-wal", "-shm"]);
      if (areSameFiles(before, files.slice(0, 1))) {
        checkModes(files);
        return { ...opened, files };
      }
    } catch (error) {
      opened.close();
      throw error;
    }
    opened.close();
  }
  throw new StoreError("store_unavailable", `${path} was replaced while it was opened, ${ATTEMPTS} times in a row`);
}

function connect({ DatabaseSync }: NodeSqlite, path: string, busyTimeout: number): Omit<OpenedFile, "files"> {
  let database: InstanceType<typeof DatabaseSync>;
  try {
    database = new DatabaseSync(path);
  } catch (error) {
    throw openFault(path, error);
  }
  const port = databasePort(database);
  try {
    useWal(port, busyTimeout);
    port.get(`PRAGMA busy_timeout = ${busyTimeout}`);
    port.run("PRAGMA synchronous = FULL");
    // Only on macOS does it make a difference: there, without it, a sync does not reach the disk.
    port.run("PRAGMA fullfsync = ON");
    // SQLite makes the log and its index with the first read.
    port.get("SELECT count(*) FROM sqlite_master");
  } catch (error) {
    database.close();
    throw openFault(path, error);
  }
  return { port, close: () => closeDatabase(database) };
}

/** What tells that another connection has changed the file of this one. */
export function watchOf(port: SqlPort): ChangeWatch {
  const file = fileOf(port);
  if (file === undefined) return nothingToWatch;
  const exact = dataVersionWatch(port);
  if (port.get("PRAGMA journal_mode")?.["journal_mode"] !== "wal") return exact;
  return walIndexWatch(file, exact);
}

function nodeSqlite(): NodeSqlite {
  // Loaded here and not imported, so that this module loads where there is no node:sqlite.
  const runtime = globalThis as { readonly process?: { getBuiltinModule?(id: string): unknown } };
  const loaded = runtime.process?.getBuiltinModule?.("node:sqlite") as NodeSqlite | undefined;
  if (loaded !== undefined) return loaded;
  throw new StoreError(
    "store_unavailable",
    "`path` needs node:sqlite, which Node has from 22.13 on. Elsewhere, open the file with better-sqlite3 or " +
      "bun:sqlite and give the handle as `database`",
  );
}

/**
 * Makes the file if it is not there, with a mode of its own; SQLite gives its `-wal` and `-shm` files the same. A file
 * that is there is not touched, since closing a descriptor of it would drop the locks of its other connections.
 */
function makeFile(path: string): void {
  try {
    closeSync(openSync(path, "ax", 0o600));
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") throw fileFault(path, error);
    // SQLite would open it for reading only, and say nothing until the first write.
    checkAccess(path);
  }
}

/** Processes that open a new file at once all want it alone for a moment, for which SQLite itself does not wait. */
function useWal(port: SqlPort, busyTimeout: number): void {
  port.get("PRAGMA busy_timeout = 0");
  const idle = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; ; waited += 10) {
    try {
      port.get("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      const busy = error instanceof StoreError && /busy|locked/i.test(error.message);
      if (!busy || waited >= busyTimeout) throw error;
      Atomics.wait(idle, 0, 0, 10);
    }
  }
}

function closeDatabase(database: { close(): void }): void {
  try {
    database.close();
  } catch (error) {
    throw storeFault(error);
  }
}

/** SQLite says no more than "unable to open", so ask the file system why. */
function openFault(path: string, error: unknown): StoreError {
  const fault = storeFault(error);
  if (fault.code !== "store_unavailable" || path === ":memory:") return fault;
  try {
    checkAccess(path);
    checkAccess(dirname(path));
  } catch (reason) {
    return storeFault(reason);
  }
  return fault;
}

function checkAccess(path: string): void {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw fileFault(path, error);
  }
}

function fileFault(path: string, error: unknown): StoreError {
  const errno = errnoOf(error);
  const options = { cause: error };
  switch (errno) {
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new StoreError("store_readonly", `${path} cannot be written (${errno})`, options);
    case "ENOSPC":
    case "EDQUOT":
      return new StoreError("store_full", `There is no space for ${path} (${errno})`, options);
    default:
      return new StoreError("store_unavailable", `${path} cannot be opened (${errno})`, options);
  }
}

function errnoOf(error: unknown): string {
  return String((Object(error) as { code?: unknown }).code ?? error);
}
