/** Sessions for Koa 2 and 3: a thin adapter of `sojourn/cookies`. */
import { requireOptions } from "../options.ts";
import type { Mode } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import { NO_HEADERS, type IncomingRequest } from "./cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";
import { deferResponse } from "./node/defer-response.ts";
import type { MiddlewareResponse } from "./node/server-response.ts";

export type { RequestSession } from "./cookies/request-session.ts";
export type { MiddlewareResponse } from "./node/server-response.ts";

/** What of a context of Koa the middleware uses. */
export interface KoaContext {
  readonly req: IncomingRequest;
  readonly res: MiddlewareResponse;
  /** Where the request comes from, as Koa knows it with `proxy`. */
  readonly ip: string;
  readonly headerSent: boolean;
  /** `false` where the application answers on `ctx.res` by itself. */
  respond?: boolean | undefined;
  onerror(error: Error): void;
}

/**
 * What the middleware adds to a context: `new Koa<Koa.DefaultState, SessionContext<Data>>()`.
 *
 * @example
 * ```ts
 * import Koa from "koa";
 * import { createSessions } from "sojourn";
 * import { sessionMiddleware, type SessionContext } from "sojourn/koa";
 *
 * const app = new Koa<Koa.DefaultState, SessionContext>();
 * app.use(sessionMiddleware({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] }));
 * app.use((ctx) => {
 *   ctx.body = ctx.session.userId ?? "nobody";
 * });
 * ```
 */
export interface SessionContext<Data = Record<string, unknown>, M extends Mode = Mode> {
  readonly session: RequestSession<Data, M>;
}

/** Options of `sessionMiddleware`. */
export interface SessionMiddlewareOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default `ctx.ip` */
  readonly address?: (ctx: KoaContext) => string | undefined;
}

/** The middleware, and the way to a session with its types. */
export interface SessionMiddleware<Data, M extends Mode> {
  (ctx: KoaContext, next: () => Promise<unknown>): Promise<void>;
  /** The session that this middleware gave a context: `ctx.session`, with its types. @throws TypeError if the middleware did not run */
  of(ctx: object): RequestSession<Data, M>;
}

/**
 * Gives every request its session as `ctx.session`. It is saved when the middleware after this one is done, or before
 * that if the headers go out earlier; its headers are set last, so that they outlive an error that Koa answers.
 *
 * What refuses a request is thrown, with its HTTP status as `status`, and reaches the middleware before this one: 503 if
 * the store cannot tell or cannot save, 403 for another site's request, 429 from the guard.
 *
 * @example
 * ```ts
 * import Koa from "koa";
 * import { createSessions } from "sojourn";
 * import { sessionMiddleware } from "sojourn/koa";
 *
 * const session = sessionMiddleware({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * const app = new Koa().use(session);
 * app.use((ctx) => {
 *   ctx.body = session.of(ctx).userId ?? "nobody";
 * });
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionMiddleware<Data, M extends Mode>(
  options: SessionMiddlewareOptions<Data, M>,
): SessionMiddleware<Data, M> {
  requireOptions<object>("sessionMiddleware", options, { ...COOKIE_SESSIONS_OPTIONS, address: true });
  const { address = ({ ip }: KoaContext) => ip, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  const isSync = web.mode === "sync";
  // Beside `session`, which belongs to the last one where an application has several, with a manager each.
  const own = Symbol("sojourn.session");

  async function middleware(ctx: KoaContext, next: () => Promise<unknown>): Promise<void> {
    const started = web.start(ctx.req, { address: () => address(ctx) });
    const session = isSync ? (started as RequestSession<Data, M>) : await started;
    Object.assign(ctx, { session, [own]: session });
    deferResponse({ response: ctx.res, session, isSync }, (error) => ctx.onerror(error as Error));
    await next();
    // An error of the head would come to no middleware any more, so what is to be saved is saved now.
    const isOpen = !session.isUnchanged && !ctx.headerSent && ctx.respond !== false;
    if (!isOpen || ctx.res.statusCode >= 500) return;
    try {
      const committed = session.commit(NO_HEADERS, { status: ctx.res.statusCode });
      if (!isSync) await committed;
    } catch (error) {
      // A session that the client will now never hear of ends.
      await session.commit(NO_HEADERS, { status: 500 });
      throw error;
    }
  }
  return Object.assign(middleware, { of: (ctx: object) => sessionOf<Data, M>(ctx, own) });
}

function sessionOf<Data, M extends Mode>(ctx: object, own: symbol): RequestSession<Data, M> {
  const session = (ctx as { readonly [name: symbol]: RequestSession<Data, M> | undefined })[own];
  if (session !== undefined) return session;
  throw new TypeError("Expected a context that has a session: `sessionMiddleware` has to come before this");
}
