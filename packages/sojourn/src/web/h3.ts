/** Sessions for h3 2: a thin adapter of `sojourn/cookies`. */
import { HTTPError, type H3Event } from "h3";
import { SojournError } from "../errors.ts";
import { requireOptions } from "../options.ts";
import type { Mode } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import { NO_HEADERS, type ResponseHeaders } from "./cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";

export type { RequestSession } from "./cookies/request-session.ts";

/** Options of `sessionMiddleware`. */
export interface SessionMiddlewareOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default `event.req.ip` */
  readonly address?: (event: H3Event) => string | undefined;
}

/** The middleware, and the way to a session with its types. */
export interface SessionMiddleware<Data, M extends Mode> {
  (event: H3Event, next: () => unknown): Promise<unknown>;
  /** The session that this middleware gave a request: `event.context.session`, with its types. @throws TypeError if the middleware did not run */
  of(event: { readonly context: object }): RequestSession<Data, M>;
}

/**
 * A middleware that gives every request its session as `event.context.session`, and commits it when the handler has answered,
 * before anything is sent.
 *
 * What refuses a request is thrown: 503 if the store cannot tell or cannot save, 403 for another site's request, 429 from the
 * guard, each with the fault as its `cause`.
 *
 * @example
 * ```ts
 * import { H3 } from "h3";
 * import { createSessions } from "sojourn";
 * import { sessionMiddleware } from "sojourn/h3";
 *
 * const session = sessionMiddleware({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * const app = new H3().use(session);
 * app.get("/", (event) => session.of(event).userId ?? "nobody");
 * console.log(await (await app.request("/")).text()); // nobody
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionMiddleware<Data, M extends Mode>(
  options: SessionMiddlewareOptions<Data, M>,
): SessionMiddleware<Data, M> {
  requireOptions<object>("sessionMiddleware", options, { ...COOKIE_SESSIONS_OPTIONS, address: true });
  const { address = ipOf, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  // Beside `session`, which belongs to the last one where an application has several, with a manager each.
  const own = Symbol("sojourn.session");

  async function middleware(event: H3Event, next: () => unknown): Promise<unknown> {
    let session: RequestSession<Data, M>;
    try {
      session = await web.start(event.req, { address: () => address(event) });
    } catch (error) {
      throw refusal(error);
    }
    Object.assign(event.context, { session, [own]: session });
    let answer: unknown;
    try {
      answer = await next();
    } catch (error) {
      await commit(session, event, error);
      throw refusal(error);
    }
    try {
      await commit(session, event, answer);
      return answer;
    } catch (error) {
      end(answer, error);
      throw refusal(error);
    }
  }
  return Object.assign(middleware, { of: (event: WithContext) => sessionOf<Data, M>(event, own) });
}

/** What of an answer tells its status: a `Response`, one of h3's own, or an error. */
interface Answer {
  readonly status?: number;
  readonly headers?: unknown;
}

const NOT_FOUND = Symbol.for("h3.notFound");
const IS_RESPONSE = Symbol.for("h3.HTTPResponse");

/** @throws what a commit throws. Then a session that began in this request has ended */
async function commit<Data, M extends Mode>(
  session: RequestSession<Data, M>,
  event: H3Event,
  answer: unknown,
): Promise<void> {
  const status = statusOf(answer, event);
  try {
    await session.commit(new AnswerHeaders(event, answer, status), { status });
  } catch (error) {
    // The client will not hear of it.
    await session.commit(NO_HEADERS, { status: 500 });
    throw error;
  }
}

/** The status that h3 will answer with. */
function statusOf(answer: unknown, event: H3Event): number {
  if (answer === NOT_FOUND) return 404;
  const own = (answer as Answer | null | undefined)?.status;
  if (answer instanceof Error) return own ?? 500;
  const isResponse = answer instanceof Response || (Object(answer) as Record<symbol, unknown>)[IS_RESPONSE] === true;
  return (isResponse ? own : undefined) ?? event.res.status ?? 200;
}

/** Headers for an answer. h3 keeps two sets, since an error's answer drops what was set for another. */
class AnswerHeaders implements ResponseHeaders {
  readonly #headers: Headers;
  readonly #answer: unknown;

  constructor(event: H3Event, answer: unknown, status: number) {
    const isError = answer === NOT_FOUND || answer instanceof Error || (answer instanceof Response && status >= 400);
    this.#headers = isError ? event.res.errHeaders : event.res.headers;
    this.#answer = answer;
  }

  /** What is set here takes the place of the answer's own, so that has to be in it. */
  get(name: string): string | null {
    const own = (this.#answer as Answer | null | undefined)?.headers;
    return this.#headers.get(name) ?? (own instanceof Headers ? own.get(name) : null);
  }

  set(name: string, value: string): void {
    this.#headers.set(name, value);
  }

  append(name: string, value: string): void {
    this.#headers.append(name, value);
  }
}

/** Nobody else would end what a body is made from. What that says to being ended is of no interest. */
function end(answer: unknown, reason: unknown): void {
  const body: unknown =
    answer instanceof ReadableStream ? answer : (answer as { readonly body?: unknown } | null)?.body;
  if (body instanceof ReadableStream) void body.cancel(reason).catch(() => {});
}

/** A fault that is the client's business, as h3 shows it. Others keep their status too, and h3 prints them. */
function refusal(error: unknown): unknown {
  if (!(error instanceof SojournError) || !error.expose) return error;
  const { status, message, headers, code } = error;
  return new HTTPError({ status, message, headers, data: { code }, cause: error });
}

const ipOf = (event: H3Event): string | undefined => (event.req as { readonly ip?: string | undefined }).ip;

interface WithContext {
  readonly context: object;
}

function sessionOf<Data, M extends Mode>(event: WithContext, own: symbol): RequestSession<Data, M> {
  const context = (event?.context ?? {}) as { readonly [name: symbol]: RequestSession<Data, M> | undefined };
  const session = context[own];
  if (session !== undefined) return session;
  throw new TypeError("Expected an event that has a session: `app.use(session)` has to come before this");
}
