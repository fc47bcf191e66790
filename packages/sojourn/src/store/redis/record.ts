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
import { fromStored, toStored } from "../sqlite/text.ts";
import type { Entry, Head } from "../store.ts";
import { fromBase64, toBase64 } from "./base64.ts";

/** What all digits of an instant take: those of the least safe integer. */
const WIDTH = 17;
const CREATED = 1;
const TOUCHED: number = CREATED + WIDTH;
const EXPIRES: number = TOUCHED + WIDTH;
const TEXT: number = EXPIRES + WIDTH;
const TEXT_FLAG = 0x74;
const BYTES_FLAG = 0x62;
const LOWER = 0x20;

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
  return parse(key, record).head;
}

/** The entry in a record, frozen but for the bytes of its value. @throws StoreError `store_corrupt` */
export function entryOf(key: string, record: string): Entry {
  const { head, kind, valueAt } = parse(key, record);
  const text = record.slice(valueAt);
  const value = kind === TEXT_FLAG ? text : kind === BYTES_FLAG ? fromBase64(text) : fromStored(text);
  const { owner, rev, meta, createdAt, touchedAt, expiresAt } = head;
  return Object.freeze({ key, owner, rev, meta, createdAt, touchedAt, expiresAt, value });
}

interface Parsed {
  readonly head: Head;
  readonly kind: number;
  readonly valueAt: number;
}

function parse(key: string, record: string): Parsed {
  const flag = record.charCodeAt(0);
  const kind = flag | LOWER;
  const revEnd = record.indexOf("\0", TEXT);
  const ownerEnd = record.indexOf("\0", revEnd + 1);
  const metaEnd = record.indexOf("\0", ownerEnd + 1);
  const createdAt = Number(record.slice(CREATED, TOUCHED));
  const touchedAt = Number(record.slice(TOUCHED, EXPIRES));
  const expiresAt = Number(record.slice(EXPIRES, TEXT));
  const isKnown = kind === TEXT_FLAG || kind === BYTES_FLAG || kind === 0x65;
  // A sum that is a safe integer has no NaN in it; each is one, since its digits are so few.
  if (!isKnown || revEnd < TEXT || ownerEnd < 0 || metaEnd < 0 || Number.isNaN(createdAt + touchedAt + expiresAt)) {
    throw new StoreError("store_corrupt", "What Redis holds under the key of an entry is not an entry");
  }
  const isEscaped = flag !== kind;
  const text = (from: number, to: number): string =>
    isEscaped ? fromStored(record.slice(from, to)) : record.slice(from, to);
  const owner = revEnd + 1 === ownerEnd ? null : text(revEnd + 1, ownerEnd);
  const rev = text(TEXT, revEnd);
  const meta = text(ownerEnd + 1, metaEnd);
  return { head: { key, owner, rev, meta, createdAt, touchedAt, expiresAt }, kind, valueAt: metaEnd + 1 };
}
