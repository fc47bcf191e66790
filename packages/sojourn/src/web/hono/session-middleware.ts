/** `sessionMiddleware`: sessions in an app of Hono. */
import type { Context, MiddlewareHandler } from "hono";
import { requireOptions } from "../../options.ts";
import type { Mode } from "../../store/reply.ts";
import { cookieSessions, type CookieSessions } from "../cookies/cookie-sessions.ts";
import { NO_HEADERS, type IncomingRequest } from "../cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "../cookies/options.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { ResponseCopy } from "../fetch/exchange.ts";
import { commitLater, outgoing, refusal, requestReader } from "./exchange.ts";

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
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createSessions } from "sojourn";
 * import { sessionMiddleware } from "sojourn/hono";
 *
 * const app = new Hono().use(sessionMiddleware({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] }));
 * app.get("/", (c) => c.text(c.var.session.userId ?? "nobody"));
 * console.log(await (await app.request("/")).text()); // nobody
 * ```
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
      const started = web.start((request = requestOf(c.req.raw, c.env)), given);
      // Where the store answers at once, no turn of the event loop is spent on it.
      session = isSync ? (started as RequestSession<Data, M>) : await started;
    } catch (error) {
      throw refusal(error);
    }
    c.set("session", session);
    try {
      await next();
      // Most requests only read. Then nothing can fail any more, and the headers can wait for the head of the answer.
      const canWait = session.isUnchanged && request !== c.req.raw && isOutermost(c, middleware);
      if (canWait && commitLater(session, outgoing(c.env), c.res.status)) return;
      const committed = session.commit(new ResponseCopy(c), { status: c.res.status });
      if (!isSync) await committed;
    } catch (error) {
      // A session that the client will now never hear of ends.
      await session.commit(NO_HEADERS, { status: 500 });
      throw refusal(error);
    }
  };
  return middleware;
}

/** Whether no other middleware of the app comes after this one, and would see the answer without its headers. */
function isOutermost(c: Context, middleware: unknown): boolean {
  const { matchedRoutes } = c.req as { readonly matchedRoutes?: readonly { readonly handler: unknown }[] };
  return matchedRoutes?.[0]?.handler === middleware;
}
