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
export { createSessions } from "./sessions/create-sessions.ts";
export type { AuthenticateOptions, CreateOptions, MaxPerUser, Policy, SessionsOptions } from "./sessions/options.ts";
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
export { memoryStore, type MemoryStoreOptions } from "./store/memory-store.ts";
export { nearCache, type NearCacheOptions } from "./store/near-cache/near-cache.ts";
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
