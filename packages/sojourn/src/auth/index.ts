export { auditLog, type AuditedExplanation, type AuditLog, type AuditLogOptions, type AuditSink } from "./audit-log.ts";
export type { AuditRecord, AuditType } from "./audit-record.ts";
export type { AuditQuery } from "./audit-table.ts";
export type { AuthOptions, SigningOptions } from "./auth-options.ts";
export { createAuth, type Auth } from "./create-auth.ts";
export type { Session, SessionData, SessionFields } from "./session.ts";
export type { Patch, SessionCalls, TokenLike } from "./session-calls.ts";
export type { SessionConfig, SessionConfigChanges } from "./session-config.ts";
export type { Jwk, PublicJwk } from "./signing-keys.ts";
export {
  cleanupExpiredSessions,
  createSession,
  destroyAllUserSessions,
  destroySession,
  getSession,
  getSessionConfig,
  getUserSessions,
  refreshSession,
  setSessionConfig,
  updateSession,
} from "./standalone.ts";
export type { AccessToken, ExtraClaims, TokenCalls, TokenPair, VerifyOptions } from "./token-calls.ts";
export type { AccessTokenClaims, TokenFault, TokenVerdict } from "./token-verdict.ts";
export { doctor, type DoctorOptions, type Finding } from "./doctor.ts";
export type { CookieSettings, Profile, Severity } from "./doctor-rule.ts";
export { nistAal1, nistAal2, nistAal3, owasp, type LifetimePolicy, type LockingPolicy } from "./policies.ts";
export { telemetry, type Telemetry, type TelemetryOptions } from "./telemetry.ts";
export type { TelemetryMeter, TelemetryTracer } from "./telemetry-port.ts";
