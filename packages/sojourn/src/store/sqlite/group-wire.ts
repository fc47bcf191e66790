/**
 * How a group of writes goes to the commit worker, and its results back: flat arrays of strings and numbers, which
 * are cheap to clone, in place of trees of objects. Both sides read in the order in which the other side wrote.
 */
import type { Entry, Head, Put } from "../store.ts";

/** One message. */
export type Wire = (string | number | null | Uint8Array)[];

/** Which call an operation is. */
export const PUT = 0;
export const TOUCH = 1;
export const DELETE = 2;
export const REVOKE_OWNER = 3;
export const SWEEP = 4;

const STORED = 0;
const CONFLICT = 1;
const REVOKED = 2;

/** Reads a wire from its beginning. */
export interface WireReader {
  readonly atEnd: () => boolean;
  readonly text: () => string;
  readonly textOrNull: () => string | null;
  readonly number: () => number;
  readonly value: () => string | Uint8Array;
}

export function wireReader(wire: Wire): WireReader {
  let at = 0;
  const next = (): Wire[number] => wire[at++]!;
  return {
    atEnd: () => at >= wire.length,
    text: () => next() as string,
    textOrNull: () => next() as string | null,
    number: () => next() as number,
    value: () => next() as string | Uint8Array,
  };
}

export function writeHead(wire: Wire, { key, owner, rev, meta, createdAt, touchedAt, expiresAt }: Head): void {
  wire.push(key, owner, rev, meta, createdAt, touchedAt, expiresAt);
}

export function readHead({ text, textOrNull, number }: WireReader): Head {
  return {
    key: text(),
    owner: textOrNull(),
    rev: text(),
    meta: text(),
    createdAt: number(),
    touchedAt: number(),
    expiresAt: number(),
  };
}

export function writeEntry(wire: Wire, entry: Entry): void {
  writeHead(wire, entry);
  wire.push(entry.value);
}

export function readEntry(reader: WireReader): Entry {
  return { ...readHead(reader), value: reader.value() };
}

export function writeHeads(wire: Wire, heads: readonly Head[]): void {
  wire.push(heads.length);
  for (const head of heads) writeHead(wire, head);
}

export function readHeads(reader: WireReader): Head[] {
  return Array.from({ length: reader.number() }, () => readHead(reader));
}

export function writePut(wire: Wire, put: Put): void {
  switch (put.outcome) {
    case "stored":
      wire.push(STORED);
      writeHeads(wire, put.removed);
      break;
    case "conflict":
      wire.push(CONFLICT, put.current === undefined ? 0 : 1);
      if (put.current !== undefined) writeEntry(wire, put.current);
      break;
    case "revoked":
      wire.push(REVOKED);
      break;
  }
}

export function readPut(reader: WireReader): Put {
  switch (reader.number()) {
    case STORED:
      return { outcome: "stored", removed: readHeads(reader) };
    case CONFLICT:
      return { outcome: "conflict", current: reader.number() === 0 ? undefined : readEntry(reader) };
    default:
      return { outcome: "revoked" };
  }
}
