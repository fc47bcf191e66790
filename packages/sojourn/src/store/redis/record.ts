/**
 * An entry as one Redis string, which scripts can read and patch in place:
 *
 * | characters | what |
 * | --- | --- |
 * | 1 | `t` text, `e` text that is escaped like its key, `b` bytes in base64; in capitals if rev, owner or meta are escaped |
 * | 3 × 17 | createdAt, touchedAt, expiresAt, in digits |
 * | the rest | rev, NUL, owner or nothing, NUL, meta, NUL, value |
 *
 * What is put there is well-formed Unicode, and nothing before the value holds a NUL.
 */
import { StoreError } from "../../errors.ts";
import { fromStored, toStored } from "../stored-text.ts";
import type { Entry, Head } from "../store.ts";

// What every runtime has.
declare const btoa: (binary: string) => string;
declare const atob: (text: string) => string;

/** What all digits of an instant take: those of the least safe integer. */
const WIDTH = 17;
const CREATED = 1;
const TOUCHED: number = CREATED + WIDTH;
const EXPIRES: number = TOUCHED + WIDTH;
const TEXT: number = EXPIRES + WIDTH;
const TEXT_FLAG = 0x74;
const ESCAPED_FLAG = 0x65;
const BYTES_FLAG = 0x62;
const ZERO = 0x30;
const MINUS = 0x2d;
const LOWER = 0x20;
/** Bytes for the arguments of one call. */
const CHUNK = 8_192;

/** An instant in as many digits as every other. */
export function digits(instant: number): string {
  return instant < 0 ? `-${String(-instant).padStart(WIDTH - 1, "0")}` : String(instant).padStart(WIDTH, "0");
}

/** The record of an entry; its parts as they are stored come from the caller, who needs them too. */
export function recordOf(entry: Entry, stored: { readonly owner: string; readonly rev: string }): string {
  const { meta, value } = entry;
  const storedMeta = toStored(meta);
  const isEscaped = storedMeta !== meta || stored.rev !== entry.rev || stored.owner !== (entry.owner ?? "");
  const { flag, text } = valueOf(value);
  const instants = digits(entry.createdAt) + digits(entry.touchedAt) + digits(entry.expiresAt);
  return `${isEscaped ? flag.toUpperCase() : flag}${instants}${stored.rev}\0${stored.owner}\0${storedMeta}\0${text}`;
}

function valueOf(value: string | Uint8Array): { readonly flag: string; readonly text: string } {
  if (typeof value !== "string") return { flag: "b", text: toBase64(value) };
  const text = toStored(value);
  return { flag: text === value ? "t" : "e", text };
}

/** The head in a record, or in what a script cut off after the third NUL. @throws StoreError `store_corrupt` */
export function headOf(key: string, record: string): Head {
  const { owner, rev, meta, createdAt, touchedAt, expiresAt } = entryOf(key, record);
  return { key, owner, rev, meta, createdAt, touchedAt, expiresAt };
}

/** The entry in a record; nothing of it is shared. @throws StoreError `store_corrupt` */
export function entryOf(key: string, record: string): Entry {
  const flag = record.charCodeAt(0);
  const kind = flag | LOWER;
  const revEnd = record.indexOf("\0", TEXT);
  const ownerEnd = revEnd < 0 ? revEnd : record.indexOf("\0", revEnd + 1);
  const metaEnd = ownerEnd < 0 ? ownerEnd : record.indexOf("\0", ownerEnd + 1);
  if (metaEnd < 0 || (kind !== TEXT_FLAG && kind !== ESCAPED_FLAG && kind !== BYTES_FLAG)) throw corrupt();
  const entry = {
    key,
    owner: revEnd + 1 === ownerEnd ? null : record.slice(revEnd + 1, ownerEnd),
    rev: record.slice(TEXT, revEnd),
    meta: record.slice(ownerEnd + 1, metaEnd),
    createdAt: instantAt(record, CREATED),
    touchedAt: instantAt(record, TOUCHED),
    expiresAt: instantAt(record, EXPIRES),
    value: kind === TEXT_FLAG ? record.slice(metaEnd + 1) : valueIn(record.slice(metaEnd + 1), kind),
  };
  if (flag === kind) return entry;
  const { owner, rev, meta } = entry;
  return { ...entry, owner: owner === null ? null : fromStored(owner), rev: fromStored(rev), meta: fromStored(meta) };
}

function valueIn(text: string, kind: number): string | Uint8Array {
  if (kind === ESCAPED_FLAG) return fromStored(text);
  try {
    return fromBase64(text);
  } catch {
    throw corrupt();
  }
}

/** The digits one by one: a third of what it takes to cut them out and convert them. */
function instantAt(record: string, from: number): number {
  const isNegative = record.charCodeAt(from) === MINUS;
  let instant = 0;
  for (let index = isNegative ? from + 1 : from; index < from + WIDTH; index++) {
    const digit = record.charCodeAt(index) - ZERO;
    if (!(digit >= 0 && digit <= 9)) throw corrupt();
    instant = instant * 10 + digit;
  }
  return isNegative ? -instant : instant;
}

function corrupt(): StoreError {
  return new StoreError("store_corrupt", "What Redis holds under the key of an entry is not an entry");
}

function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (let from = 0; from < bytes.length; from += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(from, from + CHUNK));
  }
  return btoa(binary);
}

/** @throws Error if the text is not base64 */
function fromBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return bytes;
}
