/** What a session keeps beside its data, and its form in an entry's meta: JSON with short names, at most 1 KiB. */
import { StoreError } from "../errors.ts";
import { utf8Length } from "../store/check.ts";
import type { Head } from "../store/store.ts";
import { LONGEST } from "../time/duration.ts";
import type { CreateOptions } from "./options.ts";
import type { Device, SessionHead } from "./session.ts";

/**
 * The part of a session that its head carries. No secret is in it, and none can be computed from it alone. Together with
 * a secret that was replaced, a salt gives the current one: for the grace, and until the session is next written.
 */
export interface SessionRecord {
  /** SHA-256 of the current token's secret. */
  readonly hash: string;
  /** What the tags of its secrets are made with; `undefined` in a session of before there were keys. */
  readonly key: string | undefined;
  readonly absoluteExpiresAt: number;
  /** Its own idle lifetime, in milliseconds. */
  readonly ttl: number;
  /** Its own absolute lifetime, in milliseconds: what a re-authentication starts anew. */
  readonly absoluteTtl: number;
  readonly version: number;
  /** Until when its user counts as just authenticated, in epoch milliseconds. */
  readonly reauthenticatedUntil: number | undefined;
  /** The replaced secrets whose grace runs, the latest first; without a key, the last two also after their grace. */
  readonly previous: readonly ReplacedSecret[];
  readonly device: Device | undefined;
}

/** A secret that a rotation has replaced. */
export interface ReplacedSecret {
  readonly hash: string;
  /** Leads from that secret to the next one; `undefined` where nothing is to lead there any more. */
  readonly salt: string | undefined;
  /** Until when it still works, or else is refused without being theft, in epoch milliseconds. */
  readonly graceUntil: number;
  /** Whether it works until then. One that a re-authentication has replaced does not. */
  readonly works: boolean;
}

/** In the place of a salt: the secret does not work. */
const REFUSED = "-";

/** For how many replaced secrets a record has room, whatever its device. */
export const MAX_REPLACED = 4;

interface Meta {
  readonly h: string;
  readonly k?: string;
  readonly a: number;
  readonly t: number;
  readonly b: number;
  readonly v: number;
  readonly r?: number;
  readonly p?: readonly (readonly [hash: string, salt: string, graceUntil: number])[];
  readonly d?: { readonly i?: string; readonly u?: string };
}

/** The meta of a record. */
export function encodeRecord(record: SessionRecord): string {
  const { hash, key, absoluteExpiresAt, ttl, absoluteTtl, version, reauthenticatedUntil, previous, device } = record;
  const meta: Meta = {
    h: hash,
    ...(key !== undefined && { k: key }),
    a: absoluteExpiresAt,
    t: ttl,
    b: absoluteTtl,
    v: version,
    ...(reauthenticatedUntil !== undefined && { r: reauthenticatedUntil }),
    ...(previous.length > 0 && {
      p: previous.map((old) => [old.hash, old.works ? (old.salt ?? "") : REFUSED, old.graceUntil] as const),
    }),
    ...(device !== undefined && {
      d: {
        ...(device.ip !== undefined && { i: device.ip }),
        ...(device.userAgent !== undefined && { u: device.userAgent }),
      },
    }),
  };
  return JSON.stringify(meta);
}

/** @throws StoreError `store_corrupt` if the meta is not a session's */
export function decodeRecord(head: Pick<Head, "key" | "meta">): SessionRecord {
  let meta: unknown;
  try {
    meta = JSON.parse(head.meta);
  } catch (cause) {
    throw new StoreError("store_corrupt", `The entry ${head.key} is not a session: its meta is not JSON`, { cause });
  }
  if (!isMeta(meta)) {
    throw new StoreError("store_corrupt", `The entry ${head.key} is not a session: its meta lacks a field`);
  }
  const { h, k, a, t, b, v, r, p = [], d } = meta;
  return {
    hash: h,
    key: k,
    absoluteExpiresAt: a,
    ttl: t,
    absoluteTtl: b,
    version: v,
    reauthenticatedUntil: r,
    previous: p.map(([hash, salt, graceUntil]) => ({
      hash,
      salt: salt === "" || salt === REFUSED ? undefined : salt,
      graceUntil,
      works: salt !== REFUSED,
    })),
    device: d && deviceOf(d.i, d.u),
  };
}

/** The record of a head that is already gone. One that is not a session's must not cost the others their report. */
export function readableRecord(head: Head): SessionRecord | undefined {
  try {
    return decodeRecord(head);
  } catch {
    return undefined;
  }
}

/** Whether what was parsed has every field, each of its kind: a store can be changed by others than us. */
function isMeta(value: unknown): value is Meta {
  if (typeof value !== "object" || value === null) return false;
  const { h, k, a, t, b, v, r = 0, p = [], d = {} } = value as Partial<Record<keyof Meta, unknown>>;
  return (
    isText(h, 43) &&
    (k === undefined || isText(k, 22)) &&
    [a, v, r].every(isInstant) &&
    [t, b].every(isDuration) &&
    Array.isArray(p) &&
    p.length <= MAX_REPLACED &&
    p.every(isReplaced) &&
    isDevice(d)
  );
}

const BASE64URL = /^[\w-]*$/;

function isText(value: unknown, length: number): boolean {
  return typeof value === "string" && value.length === length && BASE64URL.test(value);
}

function isInstant(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isDuration(value: unknown): boolean {
  return isInstant(value) && (value as number) > 0 && (value as number) <= LONGEST;
}

function isReplaced(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [hash, salt, graceUntil] = value as readonly unknown[];
  return isText(hash, 43) && (salt === "" || salt === REFUSED || isText(salt, 22)) && isInstant(graceUntil);
}

function isDevice(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { i = "", u = "" } = value as { readonly i?: unknown; readonly u?: unknown };
  return typeof i === "string" && i.length <= 128 && typeof u === "string" && u.length <= 512;
}

/** The session's head, as the library's user sees it. */
export function sessionHead(head: Head, record: SessionRecord): SessionHead {
  return Object.freeze({
    id: head.key,
    userId: head.owner,
    createdAt: head.createdAt,
    lastAccessedAt: head.touchedAt,
    expiresAt: head.expiresAt,
    absoluteExpiresAt: record.absoluteExpiresAt,
    version: record.version,
    ...(record.reauthenticatedUntil !== undefined && { reauthenticatedUntil: record.reauthenticatedUntil }),
    ...(record.device !== undefined && { device: record.device }),
  });
}

/** What is kept of a device: short enough that any meta fits its bound, whatever a client sent as its user agent. */
export function keptDevice(device: CreateOptions["device"]): Device | undefined {
  const kept = deviceOf(shorten(device?.ip, "ip", 64, 96), shorten(device?.userAgent, "userAgent", 256, 352));
  return Object.keys(kept).length === 0 ? undefined : kept;
}

function deviceOf(ip: string | undefined, userAgent: string | undefined): Device {
  return Object.freeze({ ...(ip !== undefined && { ip }), ...(userAgent !== undefined && { userAgent }) });
}

const UNPRINTABLE = /[\p{Cc}\p{Surrogate}]/gu;

function shorten(text: string | undefined, name: string, characters: number, bytes: number): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text !== "string") {
    throw new TypeError(`Expected \`device.${name}\` to be a string, got a value of type ${typeof text}`);
  }
  const kept = Array.from(text.slice(0, 2 * characters).replace(UNPRINTABLE, "\u{fffd}")).slice(0, characters);
  while (utf8Length(JSON.stringify(kept.join(""))) > bytes) kept.pop();
  return kept.join("");
}
