/** What an audit log writes down of an event. */
import type { EndReason, RejectionReason, SessionEvents, SessionHead } from "../sessions/session.ts";

/** The events of a manager, by name. */
export type AuditType = keyof SessionEvents<never>;

/** One line of an audit log. No token, no hash of one, and nothing of the data is in it. */
export interface AuditRecord {
  /** When it happened, in epoch milliseconds. */
  readonly at: number;
  readonly type: AuditType;
  /** Whose session it is; `null` for an anonymous one, and where the event does not say. */
  readonly userId: string | null;
  /** The session's id, which cannot be used as a token; `null` where no session was named. */
  readonly sessionId: string | null;
  /** Why it ended, or why a token was rejected; otherwise `null`. */
  readonly reason: EndReason | RejectionReason | null;
  /** Where the session was started from, as the application reported it. */
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** The record of an event: only what is named here, so that nothing else of a session can get into a log. */
export function auditRecord(type: AuditType, event: SessionEvents<never>[AuditType]): AuditRecord {
  const { at, session, id, reason } = event as {
    readonly at: number;
    readonly session?: SessionHead;
    readonly id?: string | null;
    readonly reason?: EndReason | RejectionReason;
  };
  return Object.freeze({
    at,
    type,
    userId: session?.userId ?? null,
    sessionId: session?.id ?? id ?? null,
    reason: reason ?? null,
    ip: session?.device?.ip ?? null,
    userAgent: session?.device?.userAgent ?? null,
  });
}
