/** The end of a session as whoever holds something of it is told, in any process. */
import { SojournError } from "../../errors.ts";
import type { Head, Removed } from "../../store/store.ts";
import { EVICTED, REPLACED } from "../../store/store.ts";
import { endReason, expiryReason } from "../lifecycle.ts";
import { readableRecord, sessionHead, type SessionRecord } from "../record.ts";
import type { EndReason, SessionHead } from "../session.ts";

/**
 * Why a session that is watched counts as over: why it ended, or
 *
 * - `lost`: for longer than `ends.maxStale` the store could not tell whether it still lives
 * - `unknown`: it is not there, and who ended it was not told, as of an id that is watched after its session's end
 */
export type WatchedEndReason = EndReason | "lost" | "unknown";

/** What `watch` tells. */
export interface SessionEnd {
  readonly id: string;
  /** As it was when it was removed; `undefined` where that was not told. */
  readonly session: SessionHead | undefined;
  readonly reason: WatchedEndReason;
  /**
   * When it ended, in epoch milliseconds: by the clock of the process that ended it, or else of this one. Where its time
   * was up, when that was noticed; `session.expiresAt` is when it was.
   */
  readonly at: number;
}

/**
 * The `reason` of a signal: the session has ended, or nobody can tell that it has not.
 *
 * @example
 * ```ts
 * import { createSessions, SessionEndedError } from "sojourn";
 *
 * const sessions = createSessions();
 * const { id } = sessions.create("ann");
 * const signal = sessions.signal(id);
 * sessions.destroy(id);
 * if (signal.reason instanceof SessionEndedError) console.log(signal.reason.reason); // logout
 * ```
 */
export class SessionEndedError extends SojournError {
  override readonly name = "SessionEndedError";
  readonly code = "session_ended";
  /** Why it ended. */
  readonly reason: WatchedEndReason;
  /** The session's id. */
  readonly id: string;
  /** As it was when it was removed; `undefined` where that was not told. */
  readonly session: SessionHead | undefined;
  /** When it ended, in epoch milliseconds. */
  readonly at: number;
  constructor({ id, session, reason, at }: SessionEnd) {
    super(reason === "lost" ? "Whether the session still lives cannot be told" : `The session has ended: ${reason}`);
    this.id = id;
    this.session = session;
    this.reason = reason;
    this.at = at;
  }
}

/** A removal as the end of a session. */
export interface ToldEnd {
  readonly reason: EndReason;
  readonly at: number;
  readonly record: SessionRecord;
}

const NOTED = /^(logout|revoked|replaced|evicted|reuse) (\d{1,16})$/;
/** By how much the clock of a process that sweeps may be ahead. */
const CLOCKS_DIFFER = 60_000;

/** The end that a removal tells of; `undefined` if it is not a session's. */
export function toldEnd({ head, note }: Removed, now: number): ToldEnd | undefined {
  const record = readableRecord(head);
  if (record === undefined) return undefined;
  const [, reason, instant] = NOTED.exec(note) ?? [];
  if (reason !== undefined) {
    const at = Number(instant);
    return { reason: endReason(head, record, at, reason as EndReason), at, record };
  }
  if (note === REPLACED) return { reason: REPLACED, at: now, record };
  // What a store removes by itself has expired, by the clock of the process for which it did so.
  const isOver = now >= head.expiresAt - (note === "" ? CLOCKS_DIFFER : 0);
  return { reason: isOver ? expiryReason(head, record) : EVICTED, at: now, record };
}

/** Which session it is that is, or was, under an id: with an adopted token there can be one after the other. */
export function identityOf(head: Head, record: SessionRecord): string {
  return record.key ?? String(head.createdAt);
}

/** The end of a session as it is told. */
export function sessionEnd(
  head: Head,
  { reason, at, record }: ToldEnd,
): SessionEnd & { readonly session: SessionHead } {
  return Object.freeze({ id: head.key, session: sessionHead(head, record), reason, at });
}
