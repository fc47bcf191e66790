/** `nextSessions`: sessions in Next, for the App Router and the Pages Router. */
import { requireOptions } from "../../options.ts";
import type { Mode } from "../../store/reply.ts";
import { cookieSessions, type CookieSessions } from "../cookies/cookie-sessions.ts";
import type { HeaderReader, IncomingRequest } from "../cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "../cookies/options.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { faultResponse, type OnError } from "../fetch/exchange.ts";
import type { MiddlewareResponse } from "../node/server-response.ts";
import { appRouter, type ReadSession } from "./app-router.ts";
import { checkGiven, configuredName, keptManager, type GivenSessions } from "./kept-manager.ts";
import type { NextContext } from "./next-context.ts";
import { onNode } from "./pages-router.ts";
import { sessionProxy, type SessionProxy } from "./session-proxy.ts";

/** Options of `nextSessions`. */
export interface NextSessionsOptions<Data, M extends Mode> extends Omit<CookieSessionsOptions<Data, M>, "sessions"> {
  /**
   * A function that makes the manager, or promises it. It is called when a request first needs it, and once in a process: Next
   * evaluates a module several times, also while it builds. Two `nextSessions` of one application have cookies of
   * different names. A manager itself will do for a store that several processes can share.
   */
  readonly sessions: GivenSessions<Data, M>;
  /**
   * Where a request comes from, for the guard and for `devices`: Next shows no socket, so it is a header that the platform
   * or your own proxy sets. @default not known
   */
  readonly address?: (headers: HeaderReader) => string | undefined;
  /**
   * Answers, in Route Handlers, in the proxy and in the Pages Router, a request whose session cannot be told or not be saved,
   * and one whose handler throws. Throw the error for Next to answer it.
   * @default a fault's status, and a line of text; anything else is thrown
   */
  readonly onError?: OnError;
}

/** What an application's other modules import. */
export interface NextSessions<Data, M extends Mode> {
  /**
   * The session, to be read: in Server Components, and wherever `cookies()` can be called. It is looked up once in a
   * request, and not extended, since a page cannot renew a cookie. Within `withSession` it is that session, with its changes.
   *
   * @throws StoreError with the `digest` `"sojourn:store_unavailable"` and the like, which `error.tsx` gets
   */
  getSession(): Promise<ReadSession<Data, M>>;
  /** The session, to be read and written. */
  readonly withSession: WithSession<Data, M>;
  /** For `proxy.ts`, or `middleware.ts` on the Node.js runtime: renews the cookie where pages cannot. */
  readonly proxy: SessionProxy<Data, M>;
}

/** `withSession`, as each place calls it. */
export interface WithSession<Data, M extends Mode> {
  /**
   * In a Server Action: runs the function, commits the session and sets its cookie, also where the function ends with
   * `redirect()` or `notFound()`. If it throws anything else, nothing is written. Called within another one, it joins it.
   *
   * @returns what the function returns
   * @throws what the function throws; a fault with a `digest`, `"sojourn:store_unavailable"` and the like
   * @throws TypeError where no cookie can be set, such as in a Server Component
   */
  <T>(act: (session: RequestSession<Data, M>) => T | Promise<T>): Promise<T>;
  /** In a Route Handler: the same, and a fault is answered with its status: 403, 409, 429 or 503. */
  (
    request: IncomingRequest,
    answer: (session: RequestSession<Data, M>) => Response | Promise<Response>,
  ): Promise<Response>;
  /** In `getServerSideProps` and API routes of the Pages Router: the same, on Node's request and response. */
  <T>(
    request: IncomingRequest,
    response: MiddlewareResponse,
    act: (session: RequestSession<Data, M>) => T | Promise<T>,
  ): Promise<T>;
}

/**
 * Sessions in Next 15 and 16. The options are checked when a request first needs them, so that `next build`, which evaluates
 * the module, needs neither a key nor a store.
 *
 * @example
 * ```ts
 * // lib/session.ts
 * import { createSessions } from "sojourn";
 * import { nextSessions } from "sojourn/next";
 * import { sqliteStore } from "sojourn/sqlite";
 *
 * export const { getSession, withSession, proxy } = nextSessions({
 *   sessions: () => createSessions<{ cart: string[] }>({ store: sqliteStore({ path: "sessions.db" }) }),
 *   keys: [process.env["SESSION_KEY"] ?? ""],
 * });
 * ```
 * @throws TypeError for an option that is not known, and for `sessions` that are neither a manager nor a function
 */
export function nextSessions<Data, M extends Mode>(options: NextSessionsOptions<Data, M>): NextSessions<Data, M> {
  requireOptions<object>("nextSessions", options, { ...COOKIE_SESSIONS_OPTIONS, address: true, onError: true });
  checkGiven(options.sessions);
  const { sessions, address, onError = faultResponse, ...webOptions } = options;
  let opened: Promise<CookieSessions<Data, M>> | undefined;

  async function open(): Promise<CookieSessions<Data, M>> {
    return cookieSessions({ ...webOptions, sessions: await keptManager(sessions, configuredName(options.cookie)) });
  }

  const context: NextContext<Data, M> = {
    open: async () => {
      opened ??= open();
      try {
        return await opened;
      } catch (error) {
        opened = undefined;
        throw error;
      }
    },
    onError,
    address,
  };
  const { read, act, answer } = appRouter(context);

  type Act = (session: RequestSession<Data, M>) => unknown;
  const withSession = async (...given: readonly unknown[]): Promise<unknown> => {
    if (given.length === 1) return act(given[0] as Act);
    if (given.length === 2) return answer(given[0] as IncomingRequest, given[1] as Act);
    return onNode(context, given[0] as IncomingRequest, given[1] as MiddlewareResponse, given[2] as Act);
  };
  return Object.freeze({
    getSession: read,
    withSession: withSession as WithSession<Data, M>,
    proxy: sessionProxy(context),
  });
}
