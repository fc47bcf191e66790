/** What the store needs of an SQLite database, and the adapter of the three drivers that have the same form. */
import { storeFault } from "./store-fault.ts";

/** A value that goes into a statement. Whole numbers are safe integers. */
export type SqlValue = string | number | null | Uint8Array;

/** A row that comes out of one, by column name. Drivers differ in how they give large integers and bytes. */
export type SqlRow = Readonly<Record<string, unknown>>;

/**
 * One connection. An adapter prepares each statement once, and throws every fault of its driver as a `StoreError`
 * (see `storeFault`).
 */
export interface SqlPort {
  /** Runs a statement that gives no rows. */
  run(sql: string, ...values: readonly SqlValue[]): void;
  /** The first row of a statement, which runs to its end. */
  get(sql: string, ...values: readonly SqlValue[]): SqlRow | undefined;
  /** All rows of a statement. */
  all(sql: string, ...values: readonly SqlValue[]): readonly SqlRow[];
  /**
   * Runs the work in one transaction that holds the write lock from its start. When it returns, the transaction is
   * committed; whatever is thrown, nothing of it is kept.
   */
  transaction<T>(work: () => T): T;
}

/** What an open database must have: node:sqlite's `DatabaseSync`, better-sqlite3's and bun:sqlite's `Database` do. */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
}

/** A prepared statement of any of the three. */
export interface SqliteStatement {
  run(...values: SqlValue[]): unknown;
  get(...values: SqlValue[]): unknown;
  all(...values: SqlValue[]): unknown[];
}

/** A port over an open database. It does not close it. */
export function databasePort(database: SqliteDatabase): SqlPort {
  const prepared = new Map<string, SqliteStatement>();

  function statement(sql: string): SqliteStatement {
    let made = prepared.get(sql);
    if (made === undefined) {
      made = database.prepare(sql);
      prepared.set(sql, made);
    }
    return made;
  }

  function run(sql: string, ...values: readonly SqlValue[]): void {
    try {
      statement(sql).run(...values);
    } catch (error) {
      throw storeFault(error);
    }
  }

  return {
    run,

    get(sql, ...values) {
      try {
        // Without a row, two of the drivers give undefined and one gives null.
        return (statement(sql).get(...values) ?? undefined) as SqlRow | undefined;
      } catch (error) {
        throw storeFault(error);
      }
    },

    all(sql, ...values) {
      try {
        return statement(sql).all(...values) as readonly SqlRow[];
      } catch (error) {
        throw storeFault(error);
      }
    },

    transaction(work) {
      // Outside of the try: if the application is inside a transaction of its own, it is not ours to roll back.
      run("BEGIN IMMEDIATE");
      try {
        const result = work();
        run("COMMIT");
        return result;
      } catch (error) {
        rollBack(run);
        throw error;
      }
    },
  };
}

function rollBack(run: SqlPort["run"]): void {
  try {
    run("ROLLBACK");
  } catch {
    // After a full disk or a failed write SQLite has rolled back by itself, and there is no transaction to end.
  }
}
