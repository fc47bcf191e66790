/**
 * An entry as Cloudflare KV keeps it. The value is the bytes of the entry's value, and the metadata is its head, so
 * that a listing needs no value. KV takes 1,024 bytes of metadata: a head that has more goes before the value, and
 * the metadata tells its length.
 */
import { StoreError } from "../errors.ts";
import { decodeUtf8, encodeUtf8 } from "../kv/web-platform.ts";
import { utf8Length } from "../store/check.ts";
import type { Entry, Head } from "../store/store.ts";

const MAX_METADATA_BYTES = 1_024;
/** The largest value that KV takes. */
export const MAX_VALUE_BYTES: number = 25 * 1_024 * 1_024;

/** What a KV namespace keeps of an entry. */
export interface KvRecord {
  readonly value: Uint8Array;
  readonly metadata: unknown;
}

/** A head in JSON, with short names: it has to share 1,024 bytes with the caller's meta. */
interface PackedHead {
  /** The version of this form. */
  readonly v: 1;
  /** `t`: the value was a text; `u`: a text that UTF-8 cannot hold, in UTF-16; `b`: bytes. */
  readonly k: "t" | "u" | "b";
  readonly r: string;
  readonly c: number;
  readonly t: number;
  readonly e: number;
  readonly o?: string;
  readonly m?: string;
}

/** The metadata of a head that lies before the value. */
interface HeadLength {
  readonly v: 1;
  /** Its length, in bytes. */
  readonly h: number;
}

export function toRecord(entry: Entry): KvRecord {
  const { kind, bytes } = packValue(entry.value);
  const head: PackedHead = {
    v: 1,
    k: kind,
    r: entry.rev,
    c: entry.createdAt,
    t: entry.touchedAt,
    e: entry.expiresAt,
    ...(entry.owner !== null && { o: entry.owner }),
    ...(entry.meta !== "" && { m: entry.meta }),
  };
  const json = JSON.stringify(head);
  if (utf8Length(json) <= MAX_METADATA_BYTES) return { value: bytes, metadata: head };
  const before = encodeUtf8(json);
  const value = new Uint8Array(before.length + bytes.length);
  value.set(before);
  value.set(bytes, before.length);
  return { value, metadata: { v: 1, h: before.length } satisfies HeadLength };
}

/** How many bytes of the value have to be read for the head: none if it is in the metadata. */
export function headBytesOf(metadata: unknown): number {
  return isHeadLength(metadata) ? metadata.h : 0;
}

/**
 * The head of a key; `undefined` if another program wrote the key.
 *
 * @param start the value, or as many bytes of it as {@link headBytesOf} said
 */
export function headOfRecord(key: string, { value: start, metadata }: KvRecord): Head | undefined {
  const head = packedHead(start, metadata);
  return head && unpackHead(key, head);
}

/** @throws StoreError `store_corrupt` if another program wrote the key */
export function fromRecord(key: string, { value, metadata }: KvRecord): Entry {
  const head = packedHead(value, metadata);
  if (head === undefined) throw foreign();
  return { ...unpackHead(key, head), value: unpackValue(head.k, value.subarray(headBytesOf(metadata))) };
}

/** The fault of a key that another program wrote. */
export function foreign(): StoreError {
  return new StoreError("store_corrupt", "A key of the KV namespace was not written by this store");
}

function packedHead(start: Uint8Array, metadata: unknown): PackedHead | undefined {
  const head = isHeadLength(metadata) ? parse(decodeUtf8(start.subarray(0, metadata.h))) : metadata;
  return isPackedHead(head) ? head : undefined;
}

function unpackHead(key: string, { r, c, t, e, o, m }: PackedHead): Head {
  return { key, owner: o ?? null, rev: r, meta: m ?? "", createdAt: c, touchedAt: t, expiresAt: e };
}

function packValue(value: string | Uint8Array): { kind: PackedHead["k"]; bytes: Uint8Array } {
  if (typeof value !== "string") return { kind: "b", bytes: value };
  if (!/\p{Surrogate}/u.test(value)) return { kind: "t", bytes: encodeUtf8(value) };
  const bytes = new Uint8Array(2 * value.length);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < value.length; index++) view.setUint16(2 * index, value.charCodeAt(index));
  return { kind: "u", bytes };
}

function unpackValue(kind: PackedHead["k"], bytes: Uint8Array): string | Uint8Array {
  if (kind === "b") return bytes;
  if (kind === "t") return decodeUtf8(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at + 1 < bytes.length; at += 2) text += String.fromCharCode(view.getUint16(at));
  return text;
}

function isPackedHead(value: unknown): value is PackedHead {
  const { v, k, r, e } = (value ?? {}) as Partial<PackedHead>;
  return v === 1 && typeof k === "string" && typeof r === "string" && typeof e === "number";
}

function isHeadLength(value: unknown): value is HeadLength {
  const { v, h } = (value ?? {}) as Partial<HeadLength>;
  return v === 1 && Number.isSafeInteger(h) && (h as number) > 0 && (h as number) <= MAX_VALUE_BYTES;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
