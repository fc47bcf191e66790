/** What a store asks of its connection, so that it never answers from a file or tables that are not its own any more. */
import { checkFiles, type OpenFile } from "./database-files.ts";
import { checkVersion } from "./schema.ts";
import type { SqlPort } from "./sql-port.ts";

export interface ConnectionCheck {
  /**
   * Asks now.
   *
   * @throws StoreError `store_unavailable` if a file was replaced or deleted, `store_schema` if a newer version of this
   *   library has changed the tables
   */
  check(): void;
  /** Asks if it has not been asked for {@link CHECK_INTERVAL}, or for {@link READS_PER_CHECK} calls. */
  checkAt(now: number): void;
  /** Something has failed: the next `checkAt` asks. */
  suspect(): void;
}

/** For how long reads go on without a look, in milliseconds of their `now`: a look costs more than a cached read. */
const CHECK_INTERVAL = 100;
/** And for how many reads, whatever their `now`. */
const READS_PER_CHECK = 256;

export function connectionCheck(port: SqlPort, files: readonly OpenFile[]): ConnectionCheck {
  let askedAt = Number.NaN;
  let reads = 0;

  function check(): void {
    askedAt = Number.NaN;
    checkFiles(files);
    checkVersion(port);
  }

  return {
    check,
    checkAt(now) {
      // Not a number after a fault, so that the comparison is false. A clock that went back asks, too.
      if (Math.abs(now - askedAt) < CHECK_INTERVAL && ++reads < READS_PER_CHECK) return;
      check();
      askedAt = now;
      reads = 0;
    },
    suspect() {
      askedAt = Number.NaN;
    },
  };
}
