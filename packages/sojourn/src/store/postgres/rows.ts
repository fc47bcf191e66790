/** Rows of Postgres, as entries and heads. */
import { StoreError } from "../../errors.ts";
import { fromStored } from "../stored-text.ts";
import type { Entry, Head } from "../store.ts";
import type { Row } from "./postgres-port.ts";

/** The head in a row, from a column on. @throws StoreError `store_corrupt` */
export function headIn(row: Row, from = 0): Head {
  return {
    key: text(row[from]),
    owner: row[from + 1] === null ? null : text(row[from + 1]),
    rev: text(row[from + 2]),
    meta: text(row[from + 3]),
    createdAt: instant(row[from + 4]),
    touchedAt: instant(row[from + 5]),
    expiresAt: instant(row[from + 6]),
  };
}

/** The entry in a row, from a column on; nothing of it is shared. @throws StoreError `store_corrupt` */
export function entryIn(row: Row, from: number): Entry {
  const bytes = row[from + 8];
  const value = typeof bytes === "string" ? new Uint8Array(Buffer.from(bytes, "base64")) : text(row[from + 7]);
  return { ...headIn(row, from), value };
}

/** A boolean, as a text or as what a port makes of it. */
export function isYes(value: unknown): boolean {
  return value === "t" || value === true || value === "true";
}

/** The same: not everything that is not yes is no. */
export function isNo(value: unknown): boolean {
  return value === "f" || value === false || value === "false";
}

function text(value: unknown): string {
  if (typeof value === "string") return fromStored(value);
  throw corrupt();
}

function instant(value: unknown): number {
  const number = Number(value);
  if (value === null || !Number.isSafeInteger(number)) throw corrupt();
  return number;
}

function corrupt(): StoreError {
  return new StoreError("store_corrupt", "What Postgres holds in a row of the store is not an entry");
}
