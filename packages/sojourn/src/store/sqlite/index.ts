/** Sessions in an SQLite file: durable, without a server. */
import { requireOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import { systemTimer } from "../../time/timer.ts";
import { parseDuration, type Duration } from "../../time/duration.ts";
import { utf8Length } from "../check.ts";
import type { Store } from "../store.ts";
import type { ChangeWatch } from "./change-watch.ts";
import { connectionCheck } from "./connection-check.ts";
import { filesOf } from "./database-files.ts";
import { databasePort, type SqliteDatabase } from "./sql-port.ts";
import { durabilityOf, fileOf } from "./durability.ts";
import { groupedStore } from "./grouped-store.ts";
import { openFile, watchOf } from "./open-file.ts";
import { removalFollower, type Follow } from "./removal-follower.ts";
import { sqlStore } from "./sql-store.ts";

export type { SqliteDatabase, SqliteStatement, SqlValue } from "./sql-port.ts";

/** Options of every `sqliteStore`. */
export interface SqliteOptions {
  /**
   * Stores with different namespaces in one file do not see each other. 1 to 512 bytes.
   * @default "default"
   */
  readonly namespace?: string;
  /**
   * How many entries are kept decoded in this process at most, for repeated reads; 0 for none. No answer is out of
   * date: each read asks whether another connection has committed since. If one has, or on a `database` of the
   * application's, it asks the row whether the entry is still the same write.
   * @default 10,000
   */
  readonly cache?: number;
  /**
   * How long a removal in another process may wait until it is told to who watches removals here: a duration of at most
   * a minute. So often the file is asked, while anybody watches. Those of this store are told at once.
   * @default "50ms"
   */
  readonly maxLag?: Duration;
}

/** Options of a store in a file, which the store opens with node:sqlite and closes. */
export interface SqliteFileOptions extends SqliteOptions {
  /** The file, made if it is not there, in a folder that is; or `":memory:"`. Several processes can share a file. */
  readonly path: string;
  readonly database?: never;
  /**
   * How long a call waits for another connection's lock before it throws `store_unavailable`: milliseconds, or a
   * string such as `"5s"`. A synchronous store blocks the process meanwhile.
   * @default "5s"
   */
  readonly busyTimeout?: Duration;
  /**
   * `"each"`: the calls are synchronous, and each write is a transaction on disk when it returns. `"grouped"`: the
   * calls are asynchronous, and what one turn of the event loop gathered is one transaction, made in a worker thread,
   * so that no wait for the disk blocks the process. The worker runs a file of this package: leave it out of a bundle.
   * @default "each"
   */
  readonly commit?: "each" | "grouped";
}

/** Options of a store in a database that the application has opened, and closes itself. */
export interface SqliteHandleOptions extends SqliteOptions {
  /**
   * A `DatabaseSync` of node:sqlite, or a `Database` of better-sqlite3 or bun:sqlite. Its settings stay what they
   * are, and `guarantees.durability` says what they give: `"power"` for WAL with `synchronous = FULL`, `"process"` for
   * WAL with `NORMAL`, `"none"` in memory. How long a call waits for a lock is the handle's own busy timeout. A write
   * cannot be made inside a transaction of the application's.
   */
  readonly database: SqliteDatabase;
  readonly path?: never;
  readonly busyTimeout?: never;
  /** A worker needs a file to open, so grouped commits need `path`. */
  readonly commit?: "each";
}

/**
 * A store in an SQLite database.
 *
 * Its tables all begin with `sojourn_`, so that they can live in the application's own database.
 *
 * A file that is replaced, deleted or emptied while the store is open is `store_unavailable`: at once for a write, after
 * at most 100 ms or 256 calls for a `get`.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { sqliteStore } from "sojourn/sqlite";
 *
 * const store = sqliteStore({ path: ":memory:" }); // or a file: "./sessions.db"
 * const sessions = createSessions({ store });
 * console.log(sessions.authenticate(sessions.create("ann").token)?.userId); // ann
 * store.close();
 * ```
 * @throws TypeError for an option that is not what it should be
 * @throws StoreError `store_unavailable` if the file cannot be opened, is locked, or there is no node:sqlite;
 *   `store_readonly`, `store_full`, `store_corrupt`; `store_schema` if a newer version of this library made the tables
 */
export function sqliteStore(options: SqliteFileOptions & { readonly commit: "grouped" }): Store<"async">;
export function sqliteStore(
  options: (SqliteFileOptions & { readonly commit?: "each" }) | SqliteHandleOptions,
): Store<"sync">;
export function sqliteStore(options: SqliteFileOptions | SqliteHandleOptions): Store;
export function sqliteStore(options: SqliteFileOptions | SqliteHandleOptions): Store {
  requireOptions<object>("sqliteStore", options, OPTIONS);
  const { namespace = "default", cache = 10_000, commit = "each" } = options;
  const maxLag = parseDuration(options.maxLag ?? "50ms", "maxLag");
  if (maxLag > LONGEST_LAG)
    throw new TypeError(`Expected \`maxLag\` to be at most a minute, got ${show(options.maxLag)}`);
  if (typeof namespace !== "string" || namespace === "" || utf8Length(namespace) > 512) {
    throw new TypeError(`Expected \`namespace\` to be a string of 1 to 512 bytes, got ${show(namespace)}`);
  }
  if (!Number.isSafeInteger(cache) || cache < 0) {
    throw new TypeError(`Expected \`cache\` to be a whole number of entries, 0 or more, got ${show(cache)}`);
  }
  if (commit !== "each" && commit !== "grouped") {
    throw new TypeError(`Expected \`commit\` to be "each" or "grouped", got ${show(commit)}`);
  }
  const follow: Follow = (source) => removalFollower({ source, maxLag, timer: systemTimer });
  return options.path === undefined
    ? handleStore(options, { namespace, cache, follow })
    : fileStore(options, { namespace, cache, follow, commit });
}

/** Far less than the time for which removals are kept, in milliseconds. */
const LONGEST_LAG = 60_000;

interface Settings {
  readonly namespace: string;
  readonly cache: number;
  readonly follow: Follow;
}

const OPTIONS: OptionNames<SqliteFileOptions> = {
  namespace: true,
  cache: true,
  maxLag: true,
  path: true,
  database: true,
  busyTimeout: true,
  commit: true,
};

function handleStore({ database, commit, busyTimeout }: SqliteHandleOptions, settings: Settings) {
  if (typeof database?.prepare !== "function") {
    throw new TypeError(`Expected \`path\`, or \`database\` to be an open SQLite database, got ${show(database)}`);
  }
  if (commit === ("grouped" as string)) {
    throw new TypeError('Expected `path` with `commit: "grouped"`: a worker cannot use the handle in `database`');
  }
  if (busyTimeout !== undefined) {
    throw new TypeError("Expected `busyTimeout` with `path` only: a `database` has its own");
  }
  const port = databasePort(database);
  const file = fileOf(port);
  // Not its log: the application may change the journal mode, which removes that.
  const check = connectionCheck(port, file === undefined ? [] : filesOf(file));
  return sqlStore({ ...settings, port, durability: durabilityOf(port), check });
}

function fileStore(
  { path, database, busyTimeout = "5s" }: SqliteFileOptions,
  { commit, ...settings }: Settings & Required<Pick<SqliteFileOptions, "commit">>,
): Store {
  if (typeof path !== "string" || path === "") {
    throw new TypeError(`Expected \`path\` to be the path of a file, got ${show(path)}`);
  }
  if (database !== undefined) throw new TypeError("Expected `path` or `database`, got both");
  const timeout = parseDuration(busyTimeout, "busyTimeout", { zero: true });
  if (commit === "grouped" && path === ":memory:") {
    throw new TypeError('Expected `commit: "each"` with the path ":memory:": a worker would have a memory of its own');
  }
  if (commit === "grouped") return groupedStore({ ...settings, path, busyTimeout: timeout });
  const { port, files, close } = openFile(path, timeout);
  try {
    const durability = durabilityOf(port);
    const watch = (): ChangeWatch => watchOf(port);
    const check = connectionCheck(port, files);
    return sqlStore({ ...settings, port, durability, watch, check, release: close });
  } catch (error) {
    close();
    throw error;
  }
}
