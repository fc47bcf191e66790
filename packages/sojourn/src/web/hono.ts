/** Sessions for Hono: a thin adapter of `sojourn/cookies`. */
import type { Context, MiddlewareHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import { SojournError, TooManyAttemptsError } from "../errors.ts";
import { requireOptions } from "../options.ts";
import type { Mode } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import type { IncomingRequest } from "./cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";
import type { ResponseHeaders } from "./cookies/http-messages.ts";
import { canSetLater, setHeadersLater } from "./node/late-headers.ts";
import type { MiddlewareResponse } from "./node/server-response.ts";

export type { RequestSession } from "./cookies/request-session.ts";

/** What the middleware adds to an app's environment: `new Hono<SessionEnv<Data>>()`. */
export interface SessionEnv<Data = Record<string, unknown>, M extends Mode = Mode> {
  Variables: { session: RequestSession<Data, M> };
}

/** Options of `sessionMiddleware`. */
export interface SessionMiddlewareOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default what Node knows of the socket */
  readonly address?: (c: Context) => string | undefined;
}

/**
 * Gives every request its session as `c.var.session`, and commits it when the handler has made its response, before
 * anything is sent.
 *
 * What refuses a request is thrown as an `HTTPException` with the fault as its `cause`: 503 if the store cannot tell,
 * 403 for another site's request, 429 from the guard.
 *
 * @throws TypeError as `cookieSessions` does
 */
export function sessionMiddleware<Data, M extends Mode>(
  options: SessionMiddlewareOptions<Data, M>,
): MiddlewareHandler<SessionEnv<Data, M>> {
  requireOptions<object>("sessionMiddleware", options, { ...COOKIE_SESSIONS_OPTIONS, address: true });
  const { address, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  const isSync = web.mode === "sync";
  const requestOf = requestReader();

  const middleware: MiddlewareHandler<SessionEnv<Data, M>> = async (c, next) => {
    let session: RequestSession<Data, M>;
    let request: IncomingRequest;
    try {
      const given = address === undefined ? undefined : { address: () => address(c) };
      const started = web.start((request = requestOf(c)), given);
      // Where the store answers at once, no turn of the event loop is spent on it.
      session = isSync ? (started as RequestSession<Data, M>) : await started;
    } catch (error) {
      throw refusal(error);
    }
    c.set("session", session);
    try {
      await next();
      // Most requests only read. Then nothing can fail any more, and the headers can wait for the head of the answer.
      const response = session.isUnchanged && request !== c.req.raw ? outgoing(c) : undefined;
      if (canSetLater(response) && isOutermost(c, middleware)) return commitLater(session, response, c.res.status);
      const committed = session.commit(new HonoHeaders(c), { status: c.res.status });
      if (!isSync) await committed;
    } catch (error) {
      // A session that the client will now never hear of ends.
      await session.commit(NO_HEADERS, { status: 500 });
      throw refusal(error);
    }
  };
  return middleware;
}

const outgoing = (c: Context): MiddlewareResponse | undefined =>
  (c.env as { readonly outgoing?: MiddlewareResponse }).outgoing;

/** Whether no other middleware of the app comes after this one, and would see the answer without its headers. */
function isOutermost(c: Context, middleware: unknown): boolean {
  const { matchedRoutes } = c.req as { readonly matchedRoutes?: readonly { readonly handler: unknown }[] };
  return matchedRoutes?.[0]?.handler === middleware;
}

/** The commit of what is unchanged: it writes nothing, and is done when it returns. */
function commitLater(session: RequestSession<unknown>, response: MiddlewareResponse, status: number): void {
  let isNeeded = false;
  const need = (): void => void (isNeeded = true);
  void session.commit({ get: () => null, set: need, append: need }, { status });
  if (isNeeded) setHeadersLater(response, session);
}

const NO_HEADERS = { get: () => null, set() {}, append() {} };

/** The headers of a response; on a copy of it where they cannot be changed, as after `Response.redirect`. */
class HonoHeaders implements ResponseHeaders {
  readonly #c: Context;

  constructor(c: Context) {
    this.#c = c;
  }

  get(name: string): string | null {
    return this.#c.res.headers.get(name);
  }

  set(name: string, value: string): void {
    this.#change((headers) => headers.set(name, value));
  }

  append(name: string, value: string): void {
    this.#change((headers) => headers.append(name, value));
  }

  #change(change: (headers: Headers) => void): void {
    const c = this.#c;
    try {
      change(c.res.headers);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      c.res = new Response(c.res.body, c.res);
      change(c.res.headers);
    }
  }
}

/**
 * On Node the headers that the server has parsed are there already; a `Headers` would have to be made of them first. They
 * are used for the very request that the server made from them, and not for one that a handler made and sent on with the
 * same environment. The server keeps what a request was made from under a symbol of its own, which is found once.
 */
function requestReader(): (c: Context) => IncomingRequest {
  let madeFrom: symbol | undefined;
  return (c) => {
    const raw = c.req.raw as Request & { readonly [key: symbol]: unknown };
    const { incoming } = (c.env ?? {}) as { readonly incoming?: IncomingRequest };
    if (typeof incoming?.headers !== "object") return raw;
    madeFrom ??= Object.getOwnPropertySymbols(raw).find((key) => raw[key] === incoming);
    return madeFrom !== undefined && raw[madeFrom] === incoming ? incoming : raw;
  };
}

function refusal(error: unknown): unknown {
  if (!(error instanceof SojournError)) return error;
  const headers: Record<string, string> = { "Cache-Control": "no-store" };
  if (error instanceof TooManyAttemptsError && error.retryAfter !== undefined) {
    headers["Retry-After"] = String(error.retryAfter);
  }
  const status = error.status as 503;
  const res = new Response(error.message, { status, headers });
  return new HTTPException(status, { res, message: error.message, cause: error });
}
