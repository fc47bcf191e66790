/** Sessions for Astro, for pages rendered on demand: a thin adapter of `sojourn/cookies`. */
import { requireOptions } from "../options.ts";
import { show } from "../show.ts";
import type { Mode } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import { NO_HEADERS } from "./cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";
import { exchange, faultResponse, isFault, type OnError } from "./fetch/exchange.ts";

export type { RequestSession } from "./cookies/request-session.ts";

/** What of an `APIContext` of Astro's is used. */
export interface AstroContext {
  readonly request: Request;
  /** `App.Locals` of the application, where `session` is put. */
  readonly locals: object;
  readonly isPrerendered: boolean;
  /** Throws where the adapter does not know it. */
  readonly clientAddress: string;
}

/** Options of `sessionMiddleware`. */
export interface SessionMiddlewareOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default `context.clientAddress` */
  readonly address?: (context: AstroContext) => string | undefined;
  /** Answers a request whose session cannot be told, or not be saved. @default the error's status, and a line of text */
  readonly onError?: OnError;
}

/** A middleware of Astro's, and the way to a request's session. */
export interface SessionMiddleware<Data, M extends Mode> {
  (context: AstroContext, next: () => Promise<Response>): Promise<Response>;
  /** The session that a request has: `locals.session`, with its types. @throws TypeError if the middleware did not run */
  of(context: { readonly locals: object }): RequestSession<Data, M>;
}

/**
 * A middleware that gives every request its session as `locals.session`, and commits it when the page's own code, the action
 * or the endpoint has run, before anything is sent. Components that are streamed after that can read it.
 *
 * What refuses a request is answered with its status: 503 if the store cannot tell or cannot save, 403 for another site's
 * request, 429 from the guard.
 *
 * @example
 * ```ts
 * // src/middleware.ts
 * import { createSessions } from "sojourn";
 * import { sessionMiddleware } from "sojourn/astro";
 *
 * export const onRequest = sessionMiddleware({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionMiddleware<Data, M extends Mode>(
  options: SessionMiddlewareOptions<Data, M>,
): SessionMiddleware<Data, M> {
  requireOptions<object>("sessionMiddleware", options, { ...COOKIE_SESSIONS_OPTIONS, address: true, onError: true });
  const { address = clientAddress, onError = faultResponse, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  // Astro runs the middleware again for a rewrite, and to answer an empty 404 or 500 with the page for it. That is still one
  // request: a second look-up would know nothing of what the first has changed, and undo its cookie.
  const begun = new WeakMap<object, RequestSession<Data, M>>();

  async function middleware(context: AstroContext, next: () => Promise<Response>): Promise<Response> {
    const { request, locals } = context;
    if (context.isPrerendered) {
      Object.defineProperty(locals, "session", { get: refusePrerendered, configurable: true });
      return next();
    }
    // A rewrite has a request of its own and the same `locals`; the page of an error the same request and other `locals`.
    const known = begun.get(locals) ?? begun.get(request);
    if (known !== undefined) {
      (locals as WithSession<Data, M>).session = known;
      return next();
    }
    const forget = (): void => {
      begun.delete(request);
      begun.delete(locals);
    };
    return exchange(
      () => web.start(request, { address: () => address(context) }),
      async (session) => {
        begun.set(request, session).set(locals, session);
        (locals as WithSession<Data, M>).session = session;
        const response = await next();
        // Nothing of it will be kept, so the page of the error looks the session up again.
        if (response.status >= 500) forget();
        return response;
      },
      async (error) => {
        forget();
        return onError(error);
      },
      async (session, error) => {
        forget();
        await session.commit(NO_HEADERS, { status: 500 });
        if (isFault(error)) return onError(error);
        throw error;
      },
    );
  }
  return Object.assign(middleware, { of: sessionOf<Data, M> });
}

interface WithSession<Data, M extends Mode> {
  session: RequestSession<Data, M>;
}

function refusePrerendered(): never {
  throw new TypeError(
    "Expected a page that is rendered on demand: a session needs `export const prerender = false` in the page, or " +
      '`output: "server"` in the configuration of Astro',
  );
}

/** Not every adapter knows it: then Astro throws. */
function clientAddress(context: AstroContext): string | undefined {
  try {
    return context.clientAddress;
  } catch {
    return undefined;
  }
}

function sessionOf<Data, M extends Mode>(context: { readonly locals: object }): RequestSession<Data, M> {
  const { session } = (context?.locals ?? {}) as Partial<WithSession<Data, M>>;
  if (typeof session?.commit === "function") return session;
  throw new TypeError(
    "Expected a context that has a session: `sessionMiddleware` has to be the `onRequest` of src/middleware.ts, or the first " +
      `of its \`sequence\`, got ${show(context)}`,
  );
}
