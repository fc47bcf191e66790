/** What a session keeps beside its data, and its form in an entry's meta: JSON with short names, at most 1 KiB. */
import { StoreError } from "../errors.ts";
import { utf8Length } from "../store/check.ts";
import type { Head } from "../store/store.ts";
import type { CreateOptions } from "./options.ts";
import type { Device, SessionHead } from "./session.ts";

/** The part of a session that its head carries. No secret is in it, and none can be computed from it. */
export interface SessionRecord {
  /** SHA-256 of the current token's secret. */
  readonly hash: string;
  readonly absoluteExpiresAt: number;
  /** Its own idle lifetime, in milliseconds. */
  readonly ttl: number;
  /** Its own absolute lifetime, in milliseconds: what a re-authentication starts anew. */
  readonly absoluteTtl: number;
  readonly version: number;
  /** Until when its user counts as just authenticated, in epoch milliseconds. */
  readonly reauthenticatedUntil: number | undefined;
  /** The secrets that the last two rotations replaced, the latest first. */
  readonly previous: readonly ReplacedSecret[];
  readonly device: Device | undefined;
}

/** A secret that a rotation has replaced. */
export interface ReplacedSecret {
  readonly hash: string;
  /** Leads from that secret to the next one. */
  readonly salt: string;
  /** Until when it still works, in epoch milliseconds. */
  readonly graceUntil: number;
}

interface Meta {
  readonly h: string;
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
  const { hash, absoluteExpiresAt, ttl, absoluteTtl, version, reauthenticatedUntil, previous, device } = record;
  const meta: Meta = {
    h: hash,
    a: absoluteExpiresAt,
    t: ttl,
    b: absoluteTtl,
    v: version,
    ...(reauthenticatedUntil !== undefined && { r: reauthenticatedUntil }),
    ...(previous.length > 0 && { p: previous.map((old) => [old.hash, old.salt, old.graceUntil] as const) }),
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
  let meta: Partial<Meta>;
  try {
    meta = JSON.parse(head.meta) as Partial<Meta>;
  } catch (cause) {
    throw new StoreError("store_corrupt", `The entry ${head.key} is not a session: its meta is not JSON`, { cause });
  }
  const { h, a, t, b, v, r, p = [], d } = meta ?? {};
  const isWhole = typeof h === "string" && [a, t, b, v].every(Number.isSafeInteger);
  if (!isWhole || !Array.isArray(p) || !p.every(Array.isArray)) {
    throw new StoreError("store_corrupt", `The entry ${head.key} is not a session: its meta lacks a field`);
  }
  return {
    hash: h,
    absoluteExpiresAt: a as number,
    ttl: t as number,
    absoluteTtl: b as number,
    version: v as number,
    reauthenticatedUntil: r,
    previous: p.map(([hash, salt, graceUntil]) => ({ hash, salt, graceUntil })),
    device: d && deviceOf(d.i, d.u),
  };
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
  const kept = deviceOf(shorten(device?.ip, "ip", 64, 96), shorten(device?.userAgent, "userAgent", 256, 512));
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
