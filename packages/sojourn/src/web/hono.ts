/** Sessions for Hono: a thin adapter of `sojourn/cookies`. */
export type { RequestSession } from "./cookies/request-session.ts";
export { sessionFetch, type FetchApp, type SessionBindings, type SessionFetchOptions } from "./hono/session-fetch.ts";
export { sessionMiddleware, type SessionEnv, type SessionMiddlewareOptions } from "./hono/session-middleware.ts";
