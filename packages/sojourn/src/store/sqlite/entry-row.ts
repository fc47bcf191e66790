/** Rows of `sojourn_entry` as heads and entries. */
import type { Entry, Head } from "../store.ts";
import type { SqlRow } from "./sql-port.ts";
import { fromStored } from "../stored-text.ts";

/** The head of an entry. Numbers are converted, since a given database may be set to answer with bigints. */
export function headOf(row: SqlRow): Head {
  const owner = row["owner"] as string | null;
  return {
    key: fromStored(row["key"] as string),
    owner: owner === null ? null : fromStored(owner),
    rev: fromStored(row["rev"] as string),
    meta: fromStored(row["meta"] as string),
    createdAt: Number(row["createdAt"]),
    touchedAt: Number(row["touchedAt"]),
    expiresAt: Number(row["expiresAt"]),
  };
}

/** The entry, with its value, that cannot be changed but for the bytes of its value. */
export function entryOf(row: SqlRow): Entry {
  const { key, owner, rev, meta, createdAt, touchedAt, expiresAt } = headOf(row);
  const value = valueOf(row["value"]);
  return Object.freeze({ key, owner, rev, meta, createdAt, touchedAt, expiresAt, value, memo: {} });
}

/** The entry of the values that `READ_ENTRY` names. */
export function entryOfValues(values: readonly unknown[]): Entry {
  const [key, owner, rev, meta, createdAt, touchedAt, expiresAt, value] = values;
  return Object.freeze({
    key: fromStored(key as string),
    owner: owner === null ? null : fromStored(owner as string),
    rev: fromStored(rev as string),
    meta: fromStored(meta as string),
    createdAt: Number(createdAt),
    touchedAt: Number(touchedAt),
    expiresAt: Number(expiresAt),
    value: valueOf(value),
    memo: {},
  });
}

function valueOf(value: unknown): string | Uint8Array {
  if (typeof value === "string") return fromStored(value);
  // One driver gives a Uint8Array, one a Buffer, one an ArrayBuffer.
  return Object.getPrototypeOf(value) === Uint8Array.prototype
    ? (value as Uint8Array)
    : new Uint8Array(value as Uint8Array | ArrayBuffer);
}
