/**
 * A cheaper question before `PRAGMA data_version`: has anything been committed at all?
 *
 * In WAL mode every commit ends with a new header in the wal-index, the `-shm` file (sqlite.org/walformat.html): a
 * counter, the length of the log, its checksums. One read of those 48 bytes costs a third of the PRAGMA. While they
 * are what they were, nothing was committed; when they are not, the PRAGMA says whether it was another connection.
 *
 * What makes it safe:
 *  - The header is read before the PRAGMA is asked, so that a commit between the two is seen by the next look.
 *  - A writer changes this copy of the header last, before its commit returns, and readers in SQLite go by it, too.
 *    A read in the middle of that gives bytes that differ from those before.
 *  - The file is mapped by SQLite and read here. Where a system does not keep the two the same, the first write of
 *    our own shows it, and from then on only the PRAGMA is asked. So it is for a header of an unknown form.
 *  - POSIX locks belong to the process and the file: closing any descriptor of it drops the locks that SQLite holds.
 *    So a descriptor is closed only when the file has been deleted, which the last connection of all does. Until then
 *    it waits in `descriptors`, for the next store on the same file. This is the one state that the module has.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import type { ChangeWatch } from "./change-watch.ts";

const HEADER_BYTES = 48;
/** The one version of the format that there is. */
const FORMAT = 3_007_000;

/** Descriptors of `-shm` files by device and inode. */
const descriptors = new Map<string, number>();

/**
 * @param path the database's file, open in WAL mode on a connection that nobody else can use
 * @param exact what to ask when something was committed
 */
export function walIndexWatch(path: string, exact: ChangeWatch): ChangeWatch {
  // A worker closes what it opened when it ends, and drops the locks with it. Windows has other rules altogether.
  const descriptor = isMainThread ? open(`${path}-shm`) : undefined;
  if (descriptor === undefined) return exact;
  const header = new Int32Array(HEADER_BYTES / 4);
  const last = new Int32Array(HEADER_BYTES / 4);
  let usable = true;

  function sameAsLast(): boolean {
    try {
      if (readSync(descriptor!, header, 0, HEADER_BYTES, 0) !== HEADER_BYTES || header[0] !== FORMAT) usable = false;
    } catch {
      usable = false;
    }
    if (!usable) return false;
    for (let index = 0; index < header.length; index++) if (header[index] !== last[index]) return false;
    return true;
  }

  return {
    changed() {
      if (!usable) return exact.changed();
      if (sameAsLast()) return false;
      last.set(header);
      return exact.changed();
    },
    wrote() {
      if (usable && sameAsLast()) usable = false;
    },
    close: closeDeleted,
  };
}

function open(path: string): number | undefined {
  closeDeleted();
  try {
    // Looked up before it is opened: a second descriptor of the same file could not be closed either.
    const known = descriptors.get(fileOf(statSync(path)));
    if (known !== undefined) return known;
    const descriptor = openSync(path, "r");
    descriptors.set(fileOf(fstatSync(descriptor)), descriptor);
    return descriptor;
  } catch {
    return undefined;
  }
}

function fileOf({ dev, ino }: { readonly dev: number; readonly ino: number }): string {
  return `${dev}:${ino}`;
}

/** Closes the descriptors of files that no connection of any process can have open any more. */
function closeDeleted(): void {
  for (const [file, descriptor] of descriptors) {
    if (fstatSync(descriptor).nlink > 0) continue;
    descriptors.delete(file);
    closeSync(descriptor);
  }
}
