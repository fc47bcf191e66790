/**
 * A session of express-session as an entry of a store, and the mark that a destroyed one leaves.
 *
 * The key is the session's id, the value its JSON. A put never takes time away from an entry, but a session whose
 * cookie gets a shorter `maxAge` ends sooner. So the meta keeps the idle lifetime, and a session is over at the last
 * touch plus that lifetime, even if its entry lasts longer.
 *
 * A mark stands under the id of a destroyed session and refuses what comes late. It needs to outlast every request
 * that may still hold the session, so it stands for an hour. Its entry lasts as long
 * as that of the session would have.
 */
import { StoreError } from "../../errors.ts";
import type { Entry, Head } from "../../store/store.ts";
import { uniqueRev } from "../../tokens/token.ts";

/** For how long a mark stands, in milliseconds. */
export const MARK_LIFETIME = 3_600_000;
const MARK = "ended";
const SESSION = /^ttl=(\d{1,16})$/;

/** The meta of a session with this idle lifetime, in milliseconds. */
export function sessionMeta(ttl: number): string {
  return `ttl=${ttl}`;
}

/** Whether a head is a session's or a mark's. Others can be in a store that is shared against the advice. */
export function isOurs(head: Head): boolean {
  return isMark(head) || SESSION.test(head.meta);
}

export function isMark(head: Head): boolean {
  return head.meta === MARK;
}

/** @throws StoreError `store_corrupt` for an entry that is somebody else's, and must not be replaced */
export function checkOurs(entry: Head): void {
  if (!isMark(entry)) ttlOf(entry);
}

/** Whether an entry is a mark that still refuses what comes late. */
export function isStandingMark(entry: Head | undefined, now: number): boolean {
  return entry !== undefined && isMark(entry) && now < entry.touchedAt + MARK_LIFETIME;
}

/** The idle lifetime of a session, in milliseconds. @throws StoreError `store_corrupt` if the head is not a session's */
export function ttlOf(head: Head): number {
  const ttl = SESSION.exec(head.meta)?.[1];
  if (ttl === undefined) throw new StoreError("store_corrupt", "An entry is not a session of express-session");
  return Number(ttl);
}

/** The first instant at which a session is over. */
export function endOf(head: Head): number {
  return Math.min(head.expiresAt, head.touchedAt + ttlOf(head));
}

/** Whether an entry is a session that has not ended. */
export function isLive(entry: Head | undefined, now: number): entry is Head {
  return entry !== undefined && !isMark(entry) && now < endOf(entry);
}

/** A mark of deletion. */
export function deletionMark(sid: string, now: number): Entry {
  return {
    key: sid,
    owner: null,
    rev: uniqueRev(),
    meta: MARK,
    createdAt: now,
    touchedAt: now,
    expiresAt: now + MARK_LIFETIME,
    value: "",
  };
}
