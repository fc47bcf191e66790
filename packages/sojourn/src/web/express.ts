/** Sessions for Express 4 and 5, connect, and node:http: a thin adapter of `sojourn/cookies`. */
import { SojournError, TooManyAttemptsError } from "../errors.ts";
import { requireOptions } from "../options.ts";
import type { Mode, Reply } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import type { IncomingRequest } from "./cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";
import { deferResponse, type Deferral } from "./node/defer-response.ts";
import type { MiddlewareResponse } from "./node/server-response.ts";

export type { RequestSession } from "./cookies/request-session.ts";
export type { MiddlewareResponse } from "./node/server-response.ts";

/** A request as Express and node:http have it. */
export interface MiddlewareRequest extends IncomingRequest {
  /** Where it comes from, as Express knows it with "trust proxy". */
  readonly ip?: string | undefined;
}

/** Options of `sessionMiddleware`. */
export interface SessionMiddlewareOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default `req.ip` of Express, or what Node knows of the socket */
  readonly address?: (request: MiddlewareRequest) => string | undefined;
}

/** The middleware, and the way to a session with its types. */
export interface SessionMiddleware<Data, M extends Mode> {
  /**
   * `next` is called with an error if the session cannot be told, or if it cannot be saved when the response is
   * complete; that response is then dropped, and an error handler makes another one.
   */
  (request: MiddlewareRequest, response: MiddlewareResponse, next: (error?: unknown) => void): void;
  /** The session that this middleware gave a request: `req.session`, with its types. @throws TypeError if the middleware did not run */
  of(request: object): RequestSession<Data, M>;
}

/**
 * Gives every request its session as `req.session`, and commits it before the response's headers go out, whatever sends
 * them.
 *
 * What refuses a request goes to the error handlers, with its HTTP status as `status`: 503 if the store cannot tell or
 * cannot save, 403 for another site's request, 429 from the guard.
 *
 * @example
 * ```ts
 * import express from "express";
 * import { createSessions } from "sojourn";
 * import { sessionMiddleware } from "sojourn/express";
 *
 * const session = sessionMiddleware({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * const app = express().use(session);
 * app.get("/", (req, res) => void res.send(session.of(req).userId ?? "nobody"));
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionMiddleware<Data, M extends Mode>(
  options: SessionMiddlewareOptions<Data, M>,
): SessionMiddleware<Data, M> {
  requireOptions<object>("sessionMiddleware", options, { ...COOKIE_SESSIONS_OPTIONS, address: true });
  const { address, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  const isSync = web.mode === "sync";
  // Beside `session`, which belongs to the last one where an application has several, with a manager each.
  const own = Symbol("sojourn.session");

  function start(request: MiddlewareRequest): Reply<M, RequestSession<Data, M>> {
    // Express works `req.ip` out anew at each look, so only whoever needs it asks.
    return web.start(request, { address: () => (address === undefined ? request.ip : address(request)) });
  }

  function attach(
    request: MiddlewareRequest,
    response: MiddlewareResponse,
    session: RequestSession<Data, M>,
  ): Deferral {
    Object.assign(request, { session, [own]: session });
    return { response, session, isSync };
  }

  // Where the store answers at once, nothing is made for an answer that comes later.
  function middleware(request: MiddlewareRequest, response: MiddlewareResponse, next: Next): void {
    if (!isSync) return void startLater(request, response, next);
    try {
      deferResponse(attach(request, response, start(request) as RequestSession<Data, M>), next);
    } catch (error) {
      return refuse(response, error, next);
    }
    next();
  }

  async function startLater(request: MiddlewareRequest, response: MiddlewareResponse, next: Next): Promise<void> {
    try {
      deferResponse(attach(request, response, await start(request)), next);
    } catch (error) {
      return refuse(response, error, next);
    }
    next();
  }
  return Object.assign(middleware, { of: (request: object) => sessionOf<Data, M>(request, own) });
}

type Next = (error?: unknown) => void;

function sessionOf<Data, M extends Mode>(request: object, own: symbol): RequestSession<Data, M> {
  const session = (request as { readonly [name: symbol]: RequestSession<Data, M> | undefined })[own];
  if (session !== undefined) return session;
  throw new TypeError("Expected a request that has a session: `sessionMiddleware` has to come before this");
}

function refuse(response: MiddlewareResponse, error: unknown, next: Next): void {
  if (!(error instanceof SojournError)) return next(error);
  response.setHeader("Cache-Control", "no-store");
  if (error instanceof TooManyAttemptsError && error.retryAfter !== undefined) {
    response.setHeader("Retry-After", String(error.retryAfter));
  }
  next(error);
}
