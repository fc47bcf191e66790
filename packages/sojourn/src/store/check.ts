/** The bounds of rule 16 of the store contract, checked the same way by every store. */
import { show } from "../show.ts";
import { MAX_KEY_BYTES, MAX_META_BYTES, MAX_NOTE_LENGTH, MAX_PAGE, type Entry, type PageOptions } from "./store.ts";

/** @throws TypeError if the key is not a string of 1 to 512 bytes */
export function checkKey(key: string): void {
  if (typeof key !== "string" || key === "" || exceeds(key, MAX_KEY_BYTES)) {
    throw new TypeError(`Expected a key of 1 to ${MAX_KEY_BYTES} bytes, got ${sizeOf(key)}`);
  }
}

/** @throws TypeError if a part of the entry is not what the contract allows */
export function checkEntry(entry: Entry): void {
  checkKey(entry.key);
  if (typeof entry.rev !== "string" || entry.rev === "" || entry.rev === "any") {
    throw new TypeError(`Expected a rev that is a string, neither empty nor "any", got ${show(entry.rev)}`);
  }
  if (entry.owner !== null && (typeof entry.owner !== "string" || entry.owner === "")) {
    throw new TypeError(`Expected an owner that is null or a string that is not empty, got ${show(entry.owner)}`);
  }
  if (typeof entry.meta !== "string" || exceeds(entry.meta, MAX_META_BYTES)) {
    throw new TypeError(`Expected a meta of at most ${MAX_META_BYTES} bytes, got ${sizeOf(entry.meta)}`);
  }
  if (typeof entry.value !== "string" && !(entry.value instanceof Uint8Array)) {
    throw new TypeError(`Expected a value that is a string or a Uint8Array, got ${show(entry.value)}`);
  }
  checkInstant(entry.createdAt, "createdAt");
  checkInstant(entry.touchedAt, "touchedAt");
  checkInstant(entry.expiresAt, "expiresAt");
}

/** @throws TypeError if the instant is not a safe integer */
export function checkInstant(instant: number, name: string): void {
  if (!Number.isSafeInteger(instant)) {
    throw new TypeError(`Expected \`${name}\` to be whole epoch milliseconds, got ${show(instant)}`);
  }
}

/** @throws TypeError if the note is not at most 64 characters of printable ASCII */
export function checkNote(note: string): void {
  if (typeof note !== "string" || note.length > MAX_NOTE_LENGTH || !PRINTABLE.test(note)) {
    throw new TypeError(
      `Expected a note of at most ${MAX_NOTE_LENGTH} characters of printable ASCII, got ${show(note)}`,
    );
  }
}

const PRINTABLE = /^[ -~]*$/;

/** @throws TypeError if the limit is not 1 to 1,000 */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new TypeError(`Expected \`limit\` to be 1 to ${MAX_PAGE}, got ${show(limit)}`);
  }
}

/** @throws TypeError if the limit or the cursor is not one */
export function checkPage(options: PageOptions): void {
  checkLimit(options.limit);
  if (options.after !== undefined && typeof options.after !== "string") {
    throw new TypeError(`Expected \`after\` to be the \`next\` of a page, got ${show(options.after)}`);
  }
}

/** Whether a text has more than so many bytes of UTF-8. Short ones are not looked at: a unit has at most three. */
function exceeds(text: string, bytes: number): boolean {
  return 3 * text.length > bytes && (text.length > bytes || utf8Length(text) > bytes);
}

/** The length of a string in bytes of UTF-8, without making them. A lone surrogate counts as its replacement, 3. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    bytes += unit < 0x800 ? 1 : 2;
    // A pair is 4 bytes: 2 units and the 2 just added.
    if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(index + 1))) index++;
  }
  return bytes;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

function sizeOf(value: unknown): string {
  return typeof value === "string" ? `${utf8Length(value)} bytes` : show(value);
}
