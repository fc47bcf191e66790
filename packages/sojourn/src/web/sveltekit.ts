/** Sessions for SvelteKit 2 and 3: a thin adapter of `sojourn/cookies`. */
import { requireOptions } from "../options.ts";
import { show } from "../show.ts";
import type { Mode } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import { NO_HEADERS, type ResponseHeaders } from "./cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";
import { abandon, exchange, faultResponse, type OnError } from "./fetch/exchange.ts";

export type { RequestSession } from "./cookies/request-session.ts";

/** What of a `RequestEvent` of SvelteKit's is used. */
export interface SvelteKitEvent {
  readonly request: Request;
  /** `App.Locals` of the application, where `session` is put. */
  readonly locals: object;
  readonly cookies: { set(name: string, value: string, options: SvelteKitCookie): void };
  getClientAddress(): string;
}

/** Attributes of a cookie, as SvelteKit names them. */
export interface SvelteKitCookie {
  readonly path: string;
  readonly domain?: string;
  readonly maxAge?: number;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite?: "lax" | "strict" | "none";
  readonly partitioned: boolean;
  readonly encode: (value: string) => string;
}

/** Options of `sessionHandle`. */
export interface SessionHandleOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default `event.getClientAddress()` */
  readonly address?: (event: SvelteKitEvent) => string | undefined;
  /** Answers a request whose session cannot be told, or not be saved. @default the error's status, and a line of text */
  readonly onError?: OnError;
}

/** A `handle` hook, and the way to a request's session. */
export interface SessionHandle<Data, M extends Mode> {
  <Event extends SvelteKitEvent>(input: {
    readonly event: Event;
    readonly resolve: (event: Event) => Response | Promise<Response>;
  }): Promise<Response>;
  /** The session that a request has: `event.locals.session`, with its types. @throws TypeError if the hook did not run */
  of(event: { readonly locals: object }): RequestSession<Data, M>;
}

/**
 * A `handle` hook that gives every request its session as `event.locals.session`, and commits it when the response has been
 * made, before anything of it is sent: for pages, form actions, endpoints, and the data of client navigations.
 *
 * What refuses a request is answered with its status: 503 if the store cannot tell or cannot save, 403 for another site's
 * request, 429 from the guard.
 *
 * @example
 * ```ts
 * // src/hooks.server.ts
 * import { createSessions } from "sojourn";
 * import { sessionHandle } from "sojourn/sveltekit";
 *
 * export const handle = sessionHandle({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionHandle<Data, M extends Mode>(options: SessionHandleOptions<Data, M>): SessionHandle<Data, M> {
  requireOptions<object>("sessionHandle", options, { ...COOKIE_SESSIONS_OPTIONS, address: true, onError: true });
  const { address = clientAddress, onError = faultResponse, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);

  async function handle<Event extends SvelteKitEvent>({ event, resolve }: Input<Event>): Promise<Response> {
    return exchange(
      () => web.start(event.request, { address: () => address(event) }),
      async (session) => {
        (event.locals as WithSession<Data, M>).session = session;
        return resolve(event);
      },
      onError,
      // SvelteKit answers what a later hook throws after this one: a redirect, with the cookies that it knows of.
      async (session, error) =>
        isRedirect(error) ? commitToCookies(session, event, error, onError) : abandon(session, error),
    );
  }
  return Object.assign(handle, { of: sessionOf<Data, M> });
}

interface Input<Event> {
  readonly event: Event;
  readonly resolve: (event: Event) => Response | Promise<Response>;
}

interface WithSession<Data, M extends Mode> {
  session: RequestSession<Data, M>;
}

interface Redirect {
  readonly status: number;
  readonly location: string;
}

/** By its fields: the class is in SvelteKit, which is not imported. */
function isRedirect(error: unknown): error is Redirect {
  const { status, location } = Object(error) as Partial<Redirect>;
  return typeof status === "number" && status >= 300 && status < 400 && typeof location === "string";
}

/** @throws the redirect, once the session is kept */
async function commitToCookies<Data, M extends Mode>(
  session: RequestSession<Data, M>,
  event: SvelteKitEvent,
  redirect: Redirect,
  onError: OnError,
): Promise<Response> {
  try {
    await session.commit(new EventCookies(event), { status: redirect.status });
  } catch (error) {
    await session.commit(NO_HEADERS, { status: 500 });
    return onError(error);
  }
  throw redirect;
}

/** Where SvelteKit lets no other headers be set than cookies. */
class EventCookies implements ResponseHeaders {
  readonly #event: SvelteKitEvent;

  constructor(event: SvelteKitEvent) {
    this.#event = event;
  }

  get(): null {
    return null;
  }

  set(): void {}

  /** Only `Set-Cookie` is appended: a line of our own making. */
  append(_name: string, line: string): void {
    const [pair = "", ...attributes] = line.split("; ");
    const [name, value] = split(pair);
    const given = new Map(attributes.map(split).map(([attribute, text]) => [attribute.toLowerCase(), text]));
    const [domain, maxAge, sameSite] = [given.get("domain"), given.get("max-age"), given.get("samesite")];
    this.#event.cookies.set(name, value, {
      path: given.get("path") ?? "/",
      httpOnly: given.has("httponly"),
      secure: given.has("secure"),
      partitioned: given.has("partitioned"),
      encode: (text) => text,
      ...(domain !== undefined && { domain }),
      ...(maxAge !== undefined && { maxAge: Number(maxAge) }),
      ...(sameSite !== undefined && { sameSite: sameSite.toLowerCase() as "lax" }),
    });
  }
}

function split(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/** Not every adapter knows it, and nobody is there while pages are prerendered: then SvelteKit throws. */
function clientAddress(event: SvelteKitEvent): string | undefined {
  try {
    return event.getClientAddress();
  } catch {
    return undefined;
  }
}

function sessionOf<Data, M extends Mode>(event: { readonly locals: object }): RequestSession<Data, M> {
  const { session } = (event?.locals ?? {}) as Partial<WithSession<Data, M>>;
  if (typeof session?.commit === "function") return session;
  throw new TypeError(
    `Expected an event that has a session: \`sessionHandle\` has to be the \`handle\` of src/hooks.server.ts, or the first of ` +
      `its \`sequence\`, got ${show(event)}`,
  );
}
