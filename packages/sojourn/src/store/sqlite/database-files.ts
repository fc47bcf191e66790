/**
 * The files of a database: which they are, and whether the ones that are open still have their names.
 *
 * SQLite goes on with a file that was renamed or deleted under it. Then one process writes where no other looks, and
 * nothing of it is left when the process ends. So device and inode of the file, its `-wal` and its `-shm` are noted
 * when they are opened, and compared afterwards. While a connection is open, SQLite itself removes none of the three.
 *
 * What cannot be found out: a file that is overwritten in place keeps its inode, and looks like after a checkpoint.
 */
import { chmodSync, realpathSync, statSync, type Stats } from "node:fs";
import { emitWarning, platform } from "node:process";
import { StoreError } from "../../errors.ts";

/** A file that is open: its name, and what it is. */
export interface OpenFile {
  readonly path: string;
  readonly device: number;
  readonly inode: number;
}

/** How much later than it was made an empty file must have been written to count as emptied, in milliseconds. */
const EMPTIED_AFTER = 60_000;

/** The paths that were warned about. */
const warned = new Set<string>();

/**
 * The files of a database that is open.
 *
 * @param path the name that it was opened by, which may be a link; the other files are beside what it leads to
 * @param parts which files besides the database: those that are not there are left out
 */
export function filesOf(path: string, parts: readonly string[] = []): readonly OpenFile[] {
  const file = realpathSync(path);
  return [path, ...parts.map((part) => file + part)].flatMap((each) => {
    const stats = statsOf(each);
    return stats === undefined ? [] : [{ path: each, device: stats.dev, inode: stats.ino }];
  });
}

/** @throws StoreError `store_unavailable` if one of them was replaced, deleted or emptied */
export function checkFiles(files: readonly OpenFile[]): void {
  for (const [index, { path, device, inode }] of files.entries()) {
    const stats = statsOf(path);
    if (stats?.ino === inode && stats.dev === device && (index > 0 || stats.size > 0)) continue;
    const what = stats === undefined ? "deleted" : stats.ino === inode ? "emptied" : "replaced";
    throw new StoreError(
      "store_unavailable",
      `${path} was ${what} while it was open: nothing is read from it or written any more. ` +
        "Put it back, or start the process anew",
    );
  }
}

/** Whether two lists are of the same files. */
export function areSameFiles(some: readonly OpenFile[], others: readonly OpenFile[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ device, inode }, index) => others[index]!.device === device && others[index]!.inode === inode)
  );
}

/**
 * SQLite would take a file that is empty, or not there, for a new one, and delete the log that is left of it.
 *
 * @throws StoreError `store_corrupt` if something says that the file has held data
 */
export function refuseEmptied(path: string): void {
  // The log first: while another process makes the file, the file has its first page before the log has any.
  const log = statsOf(`${path}-wal`)?.size ?? 0;
  const file = statsOf(path);
  if (file !== undefined && file.size > 0) return;
  const state = file === undefined ? "is not there" : "is empty";
  if (log > 0) {
    throw new StoreError(
      "store_corrupt",
      `${path} ${state}, but ${path}-wal holds ${log} bytes that belong to it. ` +
        "Put the file back; or remove the other one as well, to begin with no sessions",
    );
  }
  // 0 where the file system does not say when a file was made.
  if (file === undefined || file.birthtimeMs <= 0 || file.mtimeMs - file.birthtimeMs < EMPTIED_AFTER) return;
  throw new StoreError(
    "store_corrupt",
    `${path} is empty, and was not always: it was made on ${file.birthtime.toISOString()} and changed on ` +
      `${file.mtime.toISOString()}. Put a backup in its place; or remove it, to begin with no sessions`,
  );
}

/**
 * Gives the files that SQLite made beside a database no more permissions than the database has, and warns, once a
 * process, of a database that every user of the machine may open. It is not ours to change: somebody has set it.
 */
export function checkModes([file, ...beside]: readonly OpenFile[]): void {
  if (file === undefined || platform === "win32") return;
  const mode = modeOf(file);
  for (const each of beside) {
    if ((modeOf(each) & ~mode) !== 0) tighten(each, mode);
  }
  if ((mode & 0o007) !== 0) warn(file.path, mode);
}

function tighten({ path }: OpenFile, mode: number): void {
  try {
    chmodSync(path, mode);
  } catch {
    // Another user's: only that one can.
    warn(path, modeOf({ path }));
  }
}

function warn(path: string, mode: number): void {
  if (warned.has(path)) return;
  warned.add(path);
  const bits = mode.toString(8).padStart(3, "0");
  emitWarning(`${path} holds sessions, and other users of this machine may open it (mode ${bits}): chmod 600`, {
    type: "SojournWarning",
    code: "SOJOURN_FILE_MODE",
  });
}

function modeOf({ path }: Pick<OpenFile, "path">): number {
  return (statsOf(path)?.mode ?? 0) & 0o777;
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new StoreError("store_unavailable", `${path} cannot be looked at (${String(error)})`, { cause: error });
  }
}
