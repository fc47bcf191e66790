/** The web floor: a request's credential in, its session out, and back to the client with the response. */
import type { CookieSettings } from "../../policies/rule.ts";
import { show } from "../../show.ts";
import { replies, type Mode, type Reply } from "../../store/reply.ts";
import { bearerCarrier, cookieCarrier, headerCarrier, type Carrier } from "./carrier.ts";
import { sessionCookie, type SessionCookie } from "./cookie-settings.ts";
import { crossSiteCheck } from "./cross-site.ts";
import { answer, type Floor } from "./floor.ts";
import type { IncomingRequest } from "./incoming-request.ts";
import { checkAdmitted, peerAddress, type LookupFailure } from "./lookup-guard.ts";
import { checkLoopback } from "./loopback.ts";
import { checkKeys, clearSiteDataValue, type CookieSessionsOptions } from "./options.ts";
import type { RequestSession } from "./request-session.ts";
import { WebSession } from "./web-session.ts";

/** Options of `start`. */
export interface StartOptions {
  /** Where the request came from, for the guard. @default what Node knows of the socket */
  readonly address?: string | undefined;
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
   * @throws CrossSiteRequestError where `csrf` is on
   * @throws TooManyAttemptsError if the guard refuses
   * @throws TypeError if `development` is on, and the request is for another host than localhost
   */
  start(request: IncomingRequest, options?: StartOptions): Reply<M, RequestSession<Data, M>>;
}

/**
 * Sessions over cookies, and over headers if that is asked for.
 *
 * ```ts
 * const web = cookieSessions({ sessions, keys: [process.env.SESSION_KEY] });
 * const session = web.start(request);
 * session.set("visits", (session.get("visits") ?? 0) + 1);
 * session.commit(response.headers);
 * ```
 *
 * @throws TypeError for an option that is not what it should be, and for a cookie that browsers would drop
 */
export function cookieSessions<Data, M extends Mode>(options: CookieSessionsOptions<Data, M>): CookieSessions<Data, M> {
  const { sessions, development = false, guard } = options;
  if (typeof sessions?.authenticate !== "function") {
    throw new TypeError(`Expected \`sessions\` to be a session manager, got ${show(sessions)}`);
  }
  checkKeys(options.keys);
  const cookie = options.cookie === false ? undefined : sessionCookie(options.cookie ?? {}, development, sessions);
  const carriers = carriersOf(options, cookie, sessions.policy.lockAfter !== undefined);
  // A visitor who presents nothing gets a cookie, where there is one.
  const fallback = carriers.at(-1) as Carrier;
  const floor = floorOf(options, carriers);
  const { steps, now, crossSite } = floor;
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

  function empty(request: IncomingRequest, carrier: Carrier, presented: boolean): RequestSession<Data, M> {
    const nothing = { session: undefined, token: undefined, handAnew: false };
    return new WebSession<Data, M>({ floor, request, carrier, presented, ...nothing });
  }

  function failed(reason: LookupFailure["reason"], carrier: Carrier, address: string | undefined): void {
    guard?.failed?.({ reason, carrier: carrier.kind, address, at: now() });
  }

  function start(request: IncomingRequest, given: StartOptions | undefined): Reply<M, RequestSession<Data, M>> {
    if (development) checkLoopback(request);
    const found = carrierOf(request);
    if (found === undefined) return steps.of(empty(request, fallback, false));
    const [carrier, credential] = found;
    if (carrier.kind === "cookie") crossSite?.(request);
    const address = guard === undefined ? undefined : (given?.address ?? peerAddress(request));
    if (guard !== undefined) checkAdmitted(guard, address);
    const verified = carrier.verify(credential);
    if (verified === undefined) {
      failed(carrier.isShaped(credential) ? "forged" : "malformed", carrier, address);
      return steps.of(empty(request, carrier, true));
    }
    const before = now();
    const { token, look, newest } = verified;
    return steps.chain(sessions.authenticate(token, look), (session) => {
      if (session === undefined) {
        failed("not-live", carrier, address);
        return steps.of(empty(request, carrier, true));
      }
      // Moved by this very look: the browser has to learn the new end.
      const extended = session.lastAccessedAt >= before && session.lastAccessedAt > session.createdAt;
      const handAnew = !newest || (extended && carrier.carriesExpiry);
      return steps.of(new WebSession<Data, M>({ floor, request, carrier, presented: true, session, token, handAnew }));
    });
  }

  return Object.freeze({
    mode: sessions.mode,
    cookie: cookie?.settings,
    start: floor.mode === "sync" ? start : (request, given) => answer(floor.mode, () => start(request, given)),
  } satisfies CookieSessions<Data, M>);
}

function floorOf<Data, M extends Mode>(
  { sessions, csrf = false, clearSiteData }: CookieSessionsOptions<Data, M>,
  carriers: readonly Carrier[],
): Floor<Data, M> {
  const { clock } = sessions.policy;
  const vary = carriers.map((carrier) => carrier.requestHeader);
  const trustedOrigins = typeof csrf === "object" ? csrf.trustedOrigins : [];
  return {
    sessions,
    mode: sessions.mode,
    steps: replies(sessions.mode),
    now: () => clock.now(),
    crossSite: csrf === false ? undefined : crossSiteCheck(trustedOrigins),
    vary,
    seen: { setCookie: undefined, credential: undefined, clearSiteData: undefined, vary },
    clearSiteData: clearSiteDataValue(clearSiteData),
  };
}

/** What a program sets comes before what a browser sends by itself. */
function carriersOf(
  options: Pick<CookieSessionsOptions<never, Mode>, "keys" | "bearer" | "header">,
  cookie: SessionCookie | undefined,
  allowLocked: boolean,
): readonly Carrier[] {
  const { keys, bearer = false, header } = options;
  const signing = { keys, allowLocked };
  const carriers = [
    ...(bearer ? [bearerCarrier(signing)] : []),
    ...(header === undefined ? [] : [headerCarrier(signing, header)]),
    ...(cookie === undefined ? [] : [cookieCarrier(signing, cookie)]),
  ];
  if (carriers.length === 0) {
    throw new TypeError("Expected a carrier of the token: with `cookie: false`, set `bearer` or `header`");
  }
  return carriers;
}
