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
  /** As `get`, with the values in the order of the columns: drivers that can give these take half the time for it. */
  getValues(sql: string, ...values: readonly SqlValue[]): readonly unknown[] | undefined;
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
  /** node:sqlite, Node 24 and later 22: from now on rows are arrays. */
  setReturnArrays?(enabled: boolean): void;
  /** better-sqlite3: from now on rows are arrays. In bun:sqlite another thing has this name, so `values` goes first. */
  raw?(): unknown;
  /** bun:sqlite: all rows, as arrays. */
  values?(...values: SqlValue[]): unknown[][];
}

/** The first row of a statement as an array. */
type FirstValues = (values: readonly SqlValue[]) => readonly unknown[] | undefined;

/** A port over an open database. It does not close it. */
export function databasePort(database: SqliteDatabase): SqlPort {
  const prepared = new Map<string, SqliteStatement>();
  const ofValues = new Map<string, FirstValues>();

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

    getValues(sql, ...values) {
      try {
        let first = ofValues.get(sql);
        if (first === undefined) {
          // A statement of its own: what it is set to would change the rows of `get`.
          first = firstValues(database.prepare(sql));
          ofValues.set(sql, first);
        }
        return first(values);
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

function firstValues(statement: SqliteStatement): FirstValues {
  if (statement.values !== undefined) return (values) => statement.values!(...values)[0];
  if (statement.setReturnArrays !== undefined) statement.setReturnArrays(true);
  else if (statement.raw !== undefined) statement.raw();
  else {
    return (values) => {
      const row = statement.get(...values) ?? undefined;
      return row && Object.values(row);
    };
  }
  return (values) => statement.get(...values) as readonly unknown[] | undefined;
}

function rollBack(run: SqlPort["run"]): void {
  try {
    run("ROLLBACK");
  } catch {
    // After a full disk or a failed write SQLite has rolled back by itself, and there is no transaction to end.
  }
}
