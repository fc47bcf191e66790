/** `cookieSessions`: finds the session of a request by its credential, or begins without one. */
import type { CookieSettings } from "../../policies/rule.ts";
import { checkOptions, requireOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import type { Carrier } from "./carrier.ts";
import { sessionCookie } from "./cookie.ts";
import { developmentCheck } from "./development-hosts.ts";
import type { IncomingRequest } from "./http-messages.ts";
import { checkAdmitted, addressOf, type LookupFailure } from "./lookup-guard.ts";
import { checkKeys, checkNestedOptions, COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./options.ts";
import type { RequestSession } from "./request-session.ts";
import type { Verified } from "./signer.ts";
import { webContext } from "./web-context.ts";
import { WebSession } from "./web-session.ts";

/** Options of `start`. */
export interface StartOptions {
  /**
   * For where nothing can be sent back: a Server Component, an upgrade, a probe. The session is not extended, since the
   * browser's cookie could not be, and a change of it is a `TypeError`. @default false
   */
  readonly readOnly?: boolean;
  /**
   * Whether the session is extended if that is due. `false` for a request that no user has made, such as a prefetch;
   * unlike with `readOnly`, it can be changed. @default true
   */
  readonly extend?: boolean;
  /** Where the request came from, for the guard and for the device of a login. @default what Node knows of the socket */
  readonly address?: string | undefined | (() => string | undefined);
}

/** Sessions for requests and responses, of no framework. */
export interface CookieSessions<Data = Record<string, unknown>, M extends Mode = Mode> {
  /** Whether `start` and `commit` answer with values or with promises: as the manager does. */
  readonly mode: M;
  /** The cookie, as `doctor` of `sojourn/policies` takes it; `undefined` if there is none. */
  readonly cookie: CookieSettings | undefined;
  /**
   * The request's session: the one that its credential proves, or an empty one. A credential in a header decides
   * alone, also when it is not right: then a cookie that came as well is not looked at.
   *
   * @throws StoreError if the store cannot tell; nobody is logged out because of that
   * @throws CrossSiteRequestError for an unsafe request of another origin, unless `csrf` is off
   * @throws TooManyAttemptsError if the guard refuses
   * @throws DevelopmentHostError if `development` is on, and the request is for another machine
   */
  start(request: IncomingRequest, options?: StartOptions): Reply<M, RequestSession<Data, M>>;
}

const START_OPTIONS: OptionNames<StartOptions> = { readOnly: true, extend: true, address: true };

const NOTHING = { session: undefined, token: undefined, reissue: false };

/**
 * Sessions over cookies, and over headers if that is asked for.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { cookieSessions } from "sojourn/cookies";
 *
 * const web = cookieSessions({ sessions: createSessions<{ visits: number }>(), keys: ["only for this page: 32 bytes or more"] });
 * const session = web.start(new Request("https://shop.example/"));
 * session.set("visits", (session.get("visits") ?? 0) + 1);
 * const headers = new Headers();
 * session.commit(headers);
 * console.log(headers.getSetCookie().length); // 1
 * ```
 * @throws TypeError for an option that is not what it should be, and for a cookie that browsers would drop
 */
export function cookieSessions<Data, M extends Mode>(options: CookieSessionsOptions<Data, M>): CookieSessions<Data, M> {
  requireOptions<object>("cookieSessions", options, COOKIE_SESSIONS_OPTIONS);
  checkNestedOptions(options);
  const { sessions, development = false, guard } = options;
  if (typeof sessions?.authenticate !== "function") {
    throw new TypeError(`Expected \`sessions\` to be a session manager, got ${show(sessions)}`);
  }
  checkKeys(options.keys);
  const cookie =
    options.cookie === false ? undefined : sessionCookie(options.cookie ?? {}, development !== false, sessions);
  const hosts = typeof development === "object" ? development.hosts : [];
  const checkHosts = development === false ? undefined : developmentCheck(hosts);
  const context = webContext(options, cookie);
  const { carriers, mode, steps, now, crossSite } = context;
  // A visitor who presents nothing gets a cookie, where there is one.
  const fallback = carriers.at(-1) as Carrier;
  const only = carriers.length === 1 ? fallback : undefined;

  function carrierOf(request: IncomingRequest): readonly [Carrier, string] | undefined {
    if (only !== undefined) {
      const presented = only.find(request.headers);
      return presented === undefined ? undefined : [only, presented];
    }
    for (const carrier of carriers) {
      const presented = carrier.find(request.headers);
      if (presented !== undefined) return [carrier, presented];
    }
    return undefined;
  }

  function empty(
    request: IncomingRequest,
    given: StartOptions | undefined,
    carrier: Carrier,
    presented: boolean,
    verified?: Verified,
  ): RequestSession<Data, M> {
    const readOnly = given?.readOnly === true;
    return new WebSession<Data, M>(
      { context, request, address: given?.address, carrier, presented, verified, readOnly },
      NOTHING,
    );
  }

  function failed(reason: LookupFailure["reason"], carrier: Carrier, address: string | undefined): void {
    guard?.failed?.({ reason, carrier: carrier.kind, address, at: now() });
  }

  function start(request: IncomingRequest, given: StartOptions | undefined): Reply<M, RequestSession<Data, M>> {
    if (typeof request?.headers !== "object" || request.headers === null) {
      throw new TypeError(`Expected a request with \`headers\`, such as a Request, got ${show(request)}`);
    }
    checkOptions("start", given, START_OPTIONS);
    checkHosts?.(request);
    const found = carrierOf(request);
    const [carrier, credential] = found ?? [fallback];
    if (carrier.kind === "cookie") crossSite?.(request);
    if (credential === undefined) return steps.of(empty(request, given, carrier, false));
    const address = guard === undefined ? undefined : addressOf(request, given?.address);
    if (guard !== undefined) checkAdmitted(guard, address);
    const verified = carrier.verify(credential);
    if (verified === undefined) {
      failed(carrier.isShaped(credential) ? "forged" : "malformed", carrier, address);
      return steps.of(empty(request, given, carrier, true));
    }
    const { token, look, newest } = verified;
    const readOnly = given?.readOnly === true;
    const isLook = readOnly || given?.extend === false;
    return steps.chain(sessions.authenticate(token, isLook ? { ...look, extend: false } : look), (session) => {
      if (session === undefined) {
        failed("not-live", carrier, address);
        return steps.of(empty(request, given, carrier, true, verified));
      }
      const reissue = !readOnly && (!newest || carrier.isBehind(verified, session.expiresAt, now));
      const from = { context, request, address: given?.address, carrier, presented: true, verified, readOnly };
      return steps.of(new WebSession<Data, M>(from, { session, token, reissue }));
    });
  }

  function startLater(request: IncomingRequest, given: StartOptions | undefined): Reply<M, RequestSession<Data, M>> {
    try {
      return start(request, given);
    } catch (error) {
      return Promise.reject(error) as Reply<M, RequestSession<Data, M>>;
    }
  }

  return Object.freeze({
    mode,
    cookie: cookie?.settings,
    start: mode === "sync" ? start : startLater,
  } satisfies CookieSessions<Data, M>);
}
