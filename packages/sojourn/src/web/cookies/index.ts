export { CrossSiteRequestError, DevelopmentHostError, TooManyAttemptsError } from "../../errors.ts";
export type { CarrierKind } from "./carrier.ts";
export { cookieSessions, type CookieSessions, type StartOptions } from "./cookie-sessions.ts";
export type { ConfiguredCookie, CookieOptions, SameSite } from "./cookie.ts";
export type {
  CommitTarget,
  HeaderReader,
  HeaderRecord,
  IncomingRequest,
  NodeResponse,
  ResponseHeaders,
} from "./http-messages.ts";
export type { LookupFailure, LookupGuard } from "./lookup-guard.ts";
export type { CookieSessionsOptions } from "./options.ts";
export type {
  CommitOptions,
  FieldName,
  FlashValue,
  LoginOptions,
  LogoutOptions,
  RequestSession,
  SetOptions,
  Started,
  UserDevice,
} from "./request-session.ts";
