/** What the requests of one `cookieSessions` share. */
import type { Sessions } from "../../sessions/sessions.ts";
import { replies, type Mode, type Replies } from "../../store/reply.ts";
import { bearerCarrier, cookieCarrier, headerCarrier, type Carrier } from "./carrier.ts";
import type { SessionCookie } from "./cookie.ts";
import { crossSiteCheck, trustedOriginsOf, type CrossSiteCheck } from "./cross-site.ts";
import type { HeaderChanges } from "./http-messages.ts";
import { clearSiteDataValue, type CookieSessionsOptions } from "./options.ts";

export interface WebContext<Data, M extends Mode> {
  readonly sessions: Sessions<Data, M>;
  readonly mode: M;
  readonly steps: Replies<M>;
  readonly now: () => number;
  /** In the order in which a request is searched; the last one is for who presents nothing. At least one. */
  readonly carriers: readonly Carrier[];
  readonly crossSite: CrossSiteCheck | undefined;
  /** The request headers that an answer depends on. */
  readonly vary: readonly string[];
  /** The headers of an answer that depends on a session, and changes nothing of it. */
  readonly varyOnly: HeaderChanges;
  readonly clearSiteData: string | undefined;
}

/** @throws TypeError for an option that is not what it should be */
export function webContext<Data, M extends Mode>(
  options: CookieSessionsOptions<Data, M>,
  cookie: SessionCookie | undefined,
): WebContext<Data, M> {
  const { sessions, csrf = true, development = false, clearSiteData } = options;
  const { clock } = sessions.policy;
  const carriers = carriersOf(options, cookie);
  const vary = carriers.map((carrier) => carrier.requestHeader);
  const trustedOrigins = trustedOriginsOf(csrf);
  return {
    sessions,
    mode: sessions.mode,
    steps: replies(sessions.mode),
    now: () => clock.now(),
    carriers,
    crossSite: csrf === false ? undefined : crossSiteCheck(trustedOrigins, development !== false),
    vary,
    varyOnly: { setCookie: undefined, credential: undefined, clearSiteData: undefined, vary },
    clearSiteData: clearSiteDataValue(clearSiteData),
  };
}

/** What a program sets comes before what a browser sends by itself. */
function carriersOf<Data, M extends Mode>(
  { sessions, keys, bearer = false, header }: CookieSessionsOptions<Data, M>,
  cookie: SessionCookie | undefined,
): readonly Carrier[] {
  const { lockAfter, tokenCache } = sessions.policy;
  const signing = { keys, allowLocked: lockAfter !== undefined, tokenCache };
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
