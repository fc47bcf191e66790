import type { SqlPort } from "./sql-port.ts";

/** Tells whether another connection may have changed the database. */
export interface ChangeWatch {
  /** Whether it may have since the last call. Of the connection's own changes it says nothing. */
  changed(): boolean;
  /** To be called after each change of the connection's own. */
  wrote(): void;
  close(): void;
}

/**
 * Asks SQLite itself: `PRAGMA data_version` gives another number when another connection has committed. It takes the
 * lock of a reader and gives it back, two system calls.
 */
export function dataVersionWatch(port: SqlPort): ChangeWatch {
  let last: unknown;
  return {
    changed() {
      const version = port.get("PRAGMA data_version")!["data_version"];
      if (version === last) return false;
      last = version;
      return true;
    },
    wrote() {},
    close() {},
  };
}

/** For a database that nobody else can change: one in memory, or a Durable Object's. */
export const nothingToWatch: ChangeWatch = Object.freeze({ changed: () => false, wrote() {}, close() {} });
