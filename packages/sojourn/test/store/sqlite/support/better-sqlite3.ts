/** better-sqlite3 has no types of its own. */
import { createRequire } from "node:module";
import type { SqliteDatabase } from "../../../../src/store/sqlite/index.ts";

export interface BetterSqlite3 extends SqliteDatabase {
  exec(sql: string): void;
  close(): void;
  defaultSafeIntegers(): void;
  pragma(sql: string): unknown;
}

type Constructor = new (path: string) => BetterSqlite3;

export const BetterSqlite3: Constructor = createRequire(import.meta.url)("better-sqlite3") as Constructor;
