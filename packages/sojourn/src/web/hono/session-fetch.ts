/** `sessionFetch`: sessions around an app of Hono. */
import { HTTPException } from "hono/http-exception";
import { SojournError } from "../../errors.ts";
import { requireOptions } from "../../options.ts";
import { show } from "../../show.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import { cookieSessions, type CookieSessions } from "../cookies/cookie-sessions.ts";
import { NO_HEADERS, type IncomingRequest } from "../cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "../cookies/options.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { ResponseCopy } from "../fetch/exchange.ts";
import { commitLater, outgoing, refusal, requestReader } from "./exchange.ts";

/** What `sessionFetch` adds to an app's environment: `new Hono<{ Bindings: SessionBindings<Data> }>()`. */
export interface SessionBindings<Data = Record<string, unknown>, M extends Mode = Mode> {
  readonly session: RequestSession<Data, M>;
}

/** Options of `sessionFetch`. */
export interface SessionFetchOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default what Node knows of the socket */
  readonly address?: (request: Request, env: unknown) => string | undefined;
  /** Answers a request whose session cannot be told, or not be saved. @default the error's status, and a line of text */
  readonly onError?: (error: unknown) => Response | Promise<Response>;
}

/** What `fetch` of an app is called with. */
type Given = readonly [request: Request, env?: unknown, executionContext?: unknown];
type Later = ReturnType<typeof outgoing>;

/** An app of Hono, or anything that answers a `Request` as it does. */
export interface FetchApp {
  fetch(request: Request, env?: never, executionContext?: never): Response | Promise<Response>;
}

/**
 * An app with sessions around it in place of a middleware in it: `serve({ fetch: sessionFetch(app, options) })`. The session is
 * `c.env.session`. An app whose routes have no middleware then answers in one step, as Hono does for those.
 *
 * What refuses a request does not come to the app's `onError`, but to the one of the options.
 *
 * @example
 * ```ts
 * import { Hono } from "hono";
 * import { createSessions } from "sojourn";
 * import { sessionFetch, type SessionBindings } from "sojourn/hono";
 *
 * const app = new Hono<{ Bindings: SessionBindings<{ visits: number }, "sync"> }>();
 * app.get("/", (c) => c.text(c.env.session.userId ?? "nobody"));
 * const sessions = createSessions<{ visits: number }>();
 * const fetch = sessionFetch(app, { sessions, keys: ["only for this page: 32 bytes or more"] });
 * console.log(await (await fetch(new Request("https://shop.example/"))).text()); // nobody
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionFetch<Data, M extends Mode>(
  app: FetchApp,
  options: SessionFetchOptions<Data, M>,
): (...given: Given) => Response | Promise<Response> {
  requireOptions<object>("sessionFetch", options, { ...COOKIE_SESSIONS_OPTIONS, address: true, onError: true });
  if (typeof app?.fetch !== "function") throw new TypeError(`Expected an app with \`fetch\`, got ${show(app)}`);
  const { address, onError = answerOf, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  const isSync = web.mode === "sync";
  const requestOf = requestReader();

  function start(request: IncomingRequest, raw: Request, env: unknown): Reply<M, RequestSession<Data, M>> {
    return web.start(request, address === undefined ? undefined : { address: () => address(raw, env) });
  }

  function answer(
    session: RequestSession<Data, M>,
    ...[request, env, executionContext]: Given
  ): Response | Promise<Response> {
    // Where Node gives each request an environment of its own, others look for what is set in that very one.
    const isOwn = typeof (env as { readonly incoming?: unknown } | undefined)?.incoming === "object";
    const environment = isOwn ? Object.assign(env as object, { session }) : { ...(env as object), session };
    return app.fetch(request, environment as never, executionContext as never);
  }

  function finish(session: RequestSession<Data, M>, response: Response, later: Later): Response | Promise<Response> {
    const { status } = response;
    if (session.isUnchanged && commitLater(session, later, status)) return response;
    const kept = { res: response };
    const committed = session.commit(new ResponseCopy(kept), { status });
    return committed instanceof Promise ? committed.then(() => kept.res) : kept.res;
  }

  async function fail(session: RequestSession<Data, M>, error: unknown): Promise<Response> {
    // A session that the client will now never hear of ends.
    await session.commit(NO_HEADERS, { status: 500 });
    if (error instanceof SojournError) return onError(error);
    throw error;
  }

  // Where everything answers at once, so does this.
  function proceed(session: RequestSession<Data, M>, given: Given, later: Later): Response | Promise<Response> {
    try {
      const response = answer(session, ...given);
      const answered =
        response instanceof Promise
          ? response.then((made) => finish(session, made, later))
          : finish(session, response, later);
      if (!(answered instanceof Promise)) return answered;
      return answered.catch(async (error: unknown) => fail(session, error));
    } catch (error) {
      return fail(session, error);
    }
  }

  return (...given) => {
    const [raw, env] = given;
    const request = requestOf(raw, env);
    const later = request === raw ? undefined : outgoing(env);
    try {
      const started = start(request, raw, env);
      if (isSync) return proceed(started as RequestSession<Data, M>, given, later);
      return (started as Promise<RequestSession<Data, M>>).then((session) => proceed(session, given, later), onError);
    } catch (error) {
      return onError(error);
    }
  };
}

function answerOf(error: unknown): Response {
  const refused = refusal(error);
  if (refused instanceof HTTPException) return refused.getResponse();
  throw error;
}
