/** Sessions for React Router 7 and 8, in framework mode: a thin adapter of `sojourn/cookies`. */
export type { RequestSession } from "./cookies/request-session.ts";
export {
  sessionMiddleware,
  type SessionMiddleware,
  type SessionMiddlewareOptions,
} from "./react-router/session-middleware.ts";
export { sessionStorage, type SessionStorageOptions } from "./react-router/session-storage.ts";
