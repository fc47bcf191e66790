/** What the store needs of an SQLite database, so that each driver is one small adapter. */

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
