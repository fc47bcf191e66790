/** `sessionMiddleware`: sessions in an app of React Router. */
import { createContext, type MiddlewareFunction, type RouterContextProvider } from "react-router";
import { requireOptions } from "../../options.ts";
import type { Mode } from "../../store/reply.ts";
import { cookieSessions, type CookieSessions } from "../cookies/cookie-sessions.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "../cookies/options.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { exchange, faultResponse, type OnError } from "../fetch/exchange.ts";

/** What a middleware of React Router is called with. */
type MiddlewareArguments = Parameters<MiddlewareFunction<Response>>[0];

/** Options of `sessionMiddleware`. */
export interface SessionMiddlewareOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`: what your server has put into `context`. @default not known */
  readonly address?: (request: MiddlewareArguments) => string | undefined;
  /**
   * Makes the answer to a request whose session cannot be told, or not be saved. It is thrown, so that a page shows its
   * `ErrorBoundary`, and a resource route answers with it. @default the error's status, and a line of text
   */
  readonly onError?: OnError;
}

/** The middleware, and the way to a request's session. */
export interface SessionMiddleware<Data, M extends Mode> {
  (given: MiddlewareArguments, next: () => Promise<Response>): Promise<Response>;
  /**
   * The session of a request, by the `context` that its loaders, actions and middlewares are called with. All of them have
   * the same one, after one look-up.
   *
   * @throws TypeError if the middleware did not run
   */
  of(context: Readonly<RouterContextProvider> | undefined): RequestSession<Data, M>;
}

/**
 * A middleware for `root.tsx` that gives every request its session, and commits it when the response has been made, before
 * anything of it is sent: for pages, for the data of client navigations, and for resource routes.
 *
 * What refuses a request is thrown as a `Response`: 503 if the store cannot tell or cannot save, 403 for another site's
 * request, 429 from the guard.
 *
 * @example
 * ```ts
 * // app/session.server.ts; in app/root.tsx: export const middleware = [session];
 * import type { LoaderFunctionArgs } from "react-router";
 * import { createSessions } from "sojourn";
 * import { sessionMiddleware } from "sojourn/react-router";
 *
 * export const session = sessionMiddleware({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 *
 * export async function loader({ context }: LoaderFunctionArgs) {
 *   return { user: session.of(context).userId };
 * }
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionMiddleware<Data, M extends Mode>(
  options: SessionMiddlewareOptions<Data, M>,
): SessionMiddleware<Data, M> {
  requireOptions<object>("sessionMiddleware", options, { ...COOKIE_SESSIONS_OPTIONS, address: true, onError: true });
  const { address, onError = faultResponse, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  const key = createContext<RequestSession<Data, M>>();

  async function refuse(error: unknown): Promise<never> {
    throw await onError(error);
  }

  const middleware: SessionMiddleware<Data, M> = Object.assign(
    async (given: MiddlewareArguments, next: () => Promise<Response>) =>
      exchange(
        () => web.start(given.request, { address: () => address?.(given) }),
        async (session) => {
          given.context.set(key, session);
          return next();
        },
        refuse,
      ),
    {
      of(context: Readonly<RouterContextProvider> | undefined): RequestSession<Data, M> {
        try {
          return (context as RouterContextProvider).get(key);
        } catch (cause) {
          // What is there without middlewares is no provider, or one without this key.
          throw new TypeError(NO_SESSION, { cause });
        }
      },
    },
  );
  return middleware;
}

const NO_SESSION =
  "Expected the `context` of a request that has a session: `sessionMiddleware` has to be in `export const middleware` of " +
  "root.tsx, and React Router 7 needs `future: { v8_middleware: true }` in react-router.config.ts";
