export type { AuthOptions, SigningOptions } from "./auth-options.ts";
export { createAuth, type Auth } from "./create-auth.ts";
export type {
  ListedSession,
  Session,
  SessionData,
  SessionFields,
  SessionHandle,
  SessionToken,
  TokenLike,
} from "./session.ts";
export type { Patch, SessionCalls } from "./session-calls.ts";
export type { SessionConfig, SessionConfigChanges } from "./configured-sessions.ts";
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
export type { AccessTokenClaims, TokenFault, TokenVerdict } from "./access-tokens.ts";
