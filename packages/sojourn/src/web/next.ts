/** Sessions for Next 15 and 16: a thin adapter of `sojourn/cookies`. */
export type { RequestSession } from "./cookies/request-session.ts";
export type { ReadSession } from "./next/app-router.ts";
export type { GivenSessions } from "./next/kept-manager.ts";
export { nextSessions, type NextSessions, type NextSessionsOptions, type WithSession } from "./next/next-sessions.ts";
export type { ProxyHandler, ProxyRequest, SessionProxy } from "./next/session-proxy.ts";
