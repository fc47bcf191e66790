/** Sessions for Express 4 and 5, connect, and node:http: a thin face of `sojourn/cookies`. */
import { SojournError, TooManyAttemptsError } from "../errors.ts";
import type { Mode } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import type { IncomingRequest } from "./cookies/incoming-request.ts";
import type { CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";
import type { HoldableResponse } from "./node/held-response.ts";
import { holdResponse } from "./node/hold-response.ts";

export type { RequestSession } from "./cookies/request-session.ts";

/** A request as Express and node:http have it. */
export interface MiddlewareRequest extends IncomingRequest {
  /** Where it comes from, as Express knows it with "trust proxy". */
  readonly ip?: string | undefined;
}

/** A response as Express and node:http have it. */
export type MiddlewareResponse = HoldableResponse;

/** Options of `sessionMiddleware`. */
export interface SessionMiddlewareOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard. @default `req.ip` of Express, or what Node knows of the socket */
  readonly address?: (request: MiddlewareRequest) => string | undefined;
}

/** The middleware, and the way to a session with its types. */
export interface SessionMiddleware<Data, M extends Mode> {
  /**
   * `next` is called with an error if the session cannot be told, or if it cannot be saved when the response is
   * complete; that response is then dropped, and an error handler makes another one.
   */
  (request: MiddlewareRequest, response: MiddlewareResponse, next: (error?: unknown) => void): void;
  /** The session that a request has: `req.session`, with its types. @throws TypeError if the middleware did not run */
  of(request: object): RequestSession<Data, M>;
}

/**
 * Gives every request its session as `req.session`, and commits it before the response's headers go out, whatever sends
 * them.
 *
 * What refuses a request goes to the error handlers, with its HTTP status as `status`: 503 if the store cannot tell or
 * cannot save, 403 for another site's request, 429 from the guard.
 *
 * @throws TypeError as `cookieSessions` does
 */
export function sessionMiddleware<Data, M extends Mode>(
  options: SessionMiddlewareOptions<Data, M>,
): SessionMiddleware<Data, M> {
  const web: CookieSessions<Data, M> = cookieSessions(options);
  const isSync = web.mode === "sync";
  const { address, guard } = options;

  function startOptions(request: MiddlewareRequest): { readonly address: string | undefined } | undefined {
    // Express works `req.ip` out anew at each look.
    return guard === undefined ? undefined : { address: address === undefined ? request.ip : address(request) };
  }

  const middleware = (
    request: MiddlewareRequest,
    response: MiddlewareResponse,
    next: (error?: unknown) => void,
  ): void => {
    function refused(error: unknown): void {
      setRefusalHeaders(response, error);
      next(error);
    }
    function started(session: RequestSession<Data, M>): void {
      (request as { session?: RequestSession<Data, M> }).session = session;
      holdResponse({ response, session, isSync, fail: refused });
    }
    try {
      const session = web.start(request, startOptions(request));
      if (!isSync) {
        (session as Promise<RequestSession<Data, M>>).then(started).then(() => next(), refused);
        return;
      }
      started(session as RequestSession<Data, M>);
    } catch (error) {
      refused(error);
      return;
    }
    next();
  };
  return Object.assign(middleware, { of: sessionOf<Data, M> });
}

function sessionOf<Data, M extends Mode>(request: object): RequestSession<Data, M> {
  const { session } = request as { readonly session?: RequestSession<Data, M> };
  if (typeof session?.commit !== "function") {
    throw new TypeError("Expected a request that has a session: `sessionMiddleware` has to come before this");
  }
  return session;
}

function setRefusalHeaders(response: MiddlewareResponse, error: unknown): void {
  if (!(error instanceof SojournError)) return;
  response.setHeader("Cache-Control", "no-store");
  if (error instanceof TooManyAttemptsError && error.retryAfter !== undefined) {
    response.setHeader("Retry-After", String(error.retryAfter));
  }
}
