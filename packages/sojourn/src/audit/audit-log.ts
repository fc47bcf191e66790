/** Writes session events to a sink, and finds out why a session ended. */
import { checkOptions } from "../options.ts";
import { show } from "../show.ts";
import type { EndReason, Explanation, RejectionReason, SessionEvents, SessionHead } from "../sessions/session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { Mode } from "../store/reply.ts";
import type { Unsubscribe } from "../store/store.ts";
import { readToken } from "../tokens/token.ts";

/**
 * The events of a manager, by name.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { auditLog, type AuditType } from "sojourn/audit";
 *
 * const types: readonly AuditType[] = ["created", "ended"];
 * auditLog(createSessions(), () => {}, { types }).stop();
 * ```
 */
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

/** Where records go. */
export interface AuditSink {
  /** Takes one record, at once or later, perhaps as an async function. What it throws, or rejects with, harms no call. */
  write(record: AuditRecord): unknown;
  /** The record of a session's end, if there is one: what `explain` looks up. */
  lastEnd?(sessionId: string): AuditRecord | undefined | Promise<AuditRecord | undefined>;
}

/** Options of `auditLog`. */
export interface AuditLogOptions {
  /** What is written down. @default everything but `refreshed` and `conflicted` */
  readonly types?: readonly AuditType[];
  /** Told what the sink threw, or rejected with. @default the manager's `onListenerError` is */
  readonly onError?: (error: unknown, record: AuditRecord) => void;
}

/** An audit log that is attached to a manager. */
export interface AuditLog {
  /**
   * Why a token is or is not live, as the manager's own `explain` tells it, and besides why its session ended, if the
   * sink remembers. Nothing but the id is left of a session that ended, so its token's secret is not checked: for
   * operators and their tools, not for clients.
   *
   * @throws StoreError
   */
  explain(token: string): Promise<AuditedExplanation>;
  /** Detaches the log. What the sink has taken stays there. */
  stop(): void;
}

/** What an audit log knows besides: that a session has ended, why, and when. */
export type AuditedExplanation =
  | Explanation
  | { readonly state: "ended"; readonly id: string; readonly reason: EndReason; readonly at: number };

const TYPES: readonly AuditType[] = ["created", "updated", "rotated", "reauthenticated", "ended", "rejected"];

/**
 * Writes down what happens in a manager, from now on: who logged in and from where, what ended and why, which tokens
 * let nobody in (OWASP ASVS 5.0, 16.2.1, 16.2.5 and 16.3.1). The sink is called within the call that the record is about, so a
 * slow one should take the record and write later.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { auditLog } from "sojourn/audit";
 *
 * const sessions = createSessions();
 * const types: string[] = [];
 * const audit = auditLog(sessions, (record) => void types.push(record.type)); // in an application: logger.info(record)
 * sessions.destroy(sessions.create("ann").id);
 * audit.stop();
 * console.log(types.join(" ")); // created ended
 * ```
 * @param sink a function, or a sink such as `sqliteAuditSink`
 * @throws TypeError if the sink is neither, or a type is not one
 */
export function auditLog<Data, M extends Mode>(
  sessions: Sessions<Data, M>,
  sink: AuditSink | AuditSink["write"],
  options: AuditLogOptions = {},
): AuditLog {
  const target: AuditSink = typeof sink === "function" ? { write: sink } : sink;
  if (typeof target?.write !== "function") {
    throw new TypeError(`Expected \`sink\` to be a function or an audit sink, got ${show(sink)}`);
  }
  checkOptions("auditLog", options, { types: true, onError: true });
  const { types = TYPES, onError } = options;

  function listen(type: AuditType): Unsubscribe {
    return sessions.on(type, (event): unknown => {
      const record = auditRecord(type, event as SessionEvents<never>[AuditType]);
      // What is thrown from here, or rejected with, is what the manager calls a listener's error.
      return onError === undefined ? target.write(record) : written(target, record, onError);
    });
  }

  const offs = [...new Set(types)].map(listen);
  return {
    async explain(token) {
      const explanation = await sessions.explain(token);
      const id = readToken(token)?.id;
      if (explanation.state !== "unknown-or-ended" || id === undefined) return explanation;
      const end = await target.lastEnd?.(id);
      return end === undefined ? explanation : { state: "ended", id, reason: end.reason as EndReason, at: end.at };
    },
    stop() {
      for (const off of offs) off();
    },
  };
}

function written(
  sink: AuditSink,
  record: AuditRecord,
  onError: (error: unknown, record: AuditRecord) => void,
): unknown {
  try {
    const reply = sink.write(record);
    return reply instanceof Promise ? reply.catch((error: unknown) => onError(error, record)) : undefined;
  } catch (error) {
    return onError(error, record);
  }
}

/** The record of an event: only what is named here, so that nothing else of a session can get into a log. */
function auditRecord(type: AuditType, event: SessionEvents<never>[AuditType]): AuditRecord {
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
