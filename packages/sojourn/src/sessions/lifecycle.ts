/**
 * The rules of a session's life, as pure functions: what is there, the instant and the policy go in, what is to be
 * done comes out. Nothing here asks a store or a clock.
 */
import type { Head, Touch } from "../store/store.ts";
import type { Policy } from "./options.ts";
import type { SessionRecord } from "./record.ts";
import type { EndReason } from "./session.ts";

/** What of a record the rules of extensions need. */
export type Lifetimes = Pick<SessionRecord, "ttl" | "absoluteExpiresAt">;

/** When a session that is used now expires: after its ttl, within its absolute lifetime. */
export function expiryFrom(now: number, lifetimes: Lifetimes): number {
  return Math.min(now + lifetimes.ttl, lifetimes.absoluteExpiresAt);
}

/** Where an extension would move a session to; `undefined` if that is no later than it already expires. */
export function extension(head: Touch, record: Lifetimes, now: number): Touch | undefined {
  const expiresAt = expiryFrom(now, record);
  return expiresAt > head.expiresAt ? { touchedAt: Math.max(now, head.touchedAt), expiresAt } : undefined;
}

/**
 * The same, if less than the refresh threshold is left, so that reads write at most once per refresh window. Where
 * sessions lock, activity is noted within a tenth of that time as well, or a session in use could lock.
 */
export function extensionWhenDue(head: Touch, record: Lifetimes, now: number, policy: Policy): Touch | undefined {
  const { lockAfter } = policy;
  if (lockAfter !== undefined && now - head.touchedAt >= window(lockAfter)) {
    return { touchedAt: now, expiresAt: Math.max(expiryFrom(now, record), head.expiresAt) };
  }
  const threshold = policy.refreshThreshold ?? record.ttl - window(record.ttl);
  return head.expiresAt - now < threshold ? extension(head, record, now) : undefined;
}

/** For how long activity may go without being noted: a tenth of what it keeps away, at most a minute. */
function window(duration: number): number {
  return Math.min(60_000, duration / 10);
}

/** Whether a session was idle for so long that its user has to prove to be there, before it can be used again. */
export function isLocked(head: Touch, now: number, policy: Policy): boolean {
  return policy.lockAfter !== undefined && now >= head.touchedAt + policy.lockAfter;
}

/** Why a session that is found past its expiry has ended. */
export function expiryReason(head: Head, record: SessionRecord): "expired-idle" | "expired-absolute" {
  return head.expiresAt >= record.absoluteExpiresAt ? "expired-absolute" : "expired-idle";
}

/** Why a removed session ended: its time was up before, or else the given reason. */
export function endReason(head: Head, record: SessionRecord, now: number, otherwise: EndReason): EndReason {
  return now < head.expiresAt ? otherwise : expiryReason(head, record);
}

/** The note of a removal, for the processes that watch: why the session ended, and when. */
export function endNote(reason: EndReason, at: number): string {
  return `${reason} ${at}`;
}

/** Of one user's sessions, those beyond the limit: the youngest, or the oldest, by (createdAt, id). */
export function beyondLimit(heads: readonly Head[], limit: number, which: "youngest" | "oldest"): readonly Head[] {
  const byAge = [...heads].sort(byCreation);
  const excess = Math.max(0, byAge.length - limit);
  return which === "oldest" ? byAge.slice(0, excess) : byAge.slice(byAge.length - excess);
}

/** Orders by creation, the oldest first; by id where instants are equal, so that every node agrees. */
export function byCreation(a: Head, b: Head): number {
  return a.createdAt - b.createdAt || (a.key < b.key ? -1 : Number(a.key > b.key));
}

/** How many of removed sessions were live: what the caller ended, not what time had ended before. */
export function countLive(heads: readonly Head[], now: number): number {
  return heads.reduce((live, head) => live + Number(now < head.expiresAt), 0);
}
