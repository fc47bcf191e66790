/** `sojourn/core`: `createSessions` with a `store` that is required, for bundles that need nothing of the memory store. */
export {
  ConflictError,
  GuaranteeError,
  httpStatus,
  InvalidDataError,
  RevokedError,
  SojournError,
  StoreError,
  TooManySessionsError,
  type AnySojournError,
  type DataIssue,
  type ErrorCode,
  type StoreErrorCode,
} from "./errors.ts";
export type { Ends, SessionEnds } from "./sessions/ends/ends.ts";
export type { EndsOptions } from "./sessions/ends/ends-options.ts";
export type { SessionSignal } from "./sessions/ends/abort-signal.ts";
export { SessionEndedError, type SessionEnd, type WatchedEndReason } from "./sessions/ends/session-end.ts";
export { sessionEnds } from "./sessions/ends/session-ends.ts";
export { createSessionsOn as createSessions } from "./sessions/session-manager.ts";
export type {
  AuthenticateOptions,
  CreateOptions,
  DestroyOptions,
  MaxPerUser,
  Policy,
  SessionsOptions,
} from "./sessions/options.ts";
export type { Requirements } from "./sessions/requirements.ts";
export type {
  Device,
  EndReason,
  Explanation,
  RejectionReason,
  Session,
  SessionEvents,
  SessionHead,
  SessionWithToken,
} from "./sessions/session.ts";
export type { Change, Sessions } from "./sessions/sessions.ts";
export type { SchemaIssue, SchemaResult, StandardSchema } from "./sessions/standard-schema.ts";
export type { Mode, Reply } from "./store/reply.ts";
export type {
  Begun,
  Entry,
  Expected,
  GetOptions,
  Guarantees,
  Head,
  KeyValue,
  Page,
  PageOptions,
  Put,
  Removed,
  Store,
  Touch,
  Unsubscribe,
  Watch,
} from "./store/store.ts";
export { systemClock, type Clock } from "./time/clock.ts";
export type { Duration } from "./time/duration.ts";
export type { Timer } from "./time/timer.ts";
export {
  isSessionId,
  parseSessionId,
  parseToken,
  parseUserId,
  type SessionId,
  type Token,
  type UserId,
} from "./tokens/token.ts";
