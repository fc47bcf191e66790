/**
 * Whether a browser sends a request on behalf of another origin: by `Sec-Fetch-Site`, or else by `Origin`, as
 * `CrossOriginProtection` of Go's net/http does. No token in forms is needed for that, and no cookie but the session's.
 *
 * It comes before any cookie is set, also where none was sent: a lax cookie stays away from another site's form, and
 * the answer would put a new session in the place of the user's, with fields that the next login would take over.
 */
import { CrossSiteRequestError } from "../../errors.ts";
import { show } from "../../show.ts";
import { headerOf, hostOf, type IncomingRequest } from "./http-messages.ts";

/**
 * Throws a `CrossSiteRequestError` for an unsafe request on behalf of another origin.
 *
 * @param isUpgrade whether the request opens a connection, even if no header says so
 */
export type CrossSiteCheck = (request: IncomingRequest, isUpgrade?: boolean) => void;

const SAFE = /^(GET|HEAD|OPTIONS|TRACE)$/;
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/?#\s<>"]+$/;

const CSRF_OPTION = (origin: string): string => `csrf: { trustedOrigins: [${origin}] }`;

/**
 * @param toDevelopers whether only developers see the answers
 * @param option how the application lets an origin through
 * @throws TypeError if an origin is not one
 */
export function crossSiteCheck(
  trustedOrigins: readonly string[],
  toDevelopers: boolean,
  option: (origin: string) => string = CSRF_OPTION,
): CrossSiteCheck {
  const trusted = new Set(trustedOrigins.map(checkOrigin));

  function isAllowed(request: IncomingRequest): boolean {
    const site = headerOf(request.headers, "sec-fetch-site");
    if (site === "same-origin" || site === "none") return true;
    const origin = headerOf(request.headers, "origin");
    if (origin !== undefined && trusted.has(origin)) return true;
    if (site !== undefined) return false;
    // A browser sends one of the two with every unsafe request; what sends neither acts for no other site.
    return origin === undefined || origin.replace(/^https?:\/\//, "") === hostOf(request);
  }

  return (request, opens = isUpgrade(request)) => {
    if ((SAFE.test(request.method ?? "GET") && !opens) || isAllowed(request)) return;
    throw new CrossSiteRequestError(hintFor(headerOf(request.headers, "origin"), option), toDevelopers);
  };
}

/** What a WebSocket carries is checked by nobody: no CORS holds there. */
function isUpgrade({ headers }: IncomingRequest): boolean {
  return headerOf(headers, "upgrade") !== undefined;
}

function hintFor(origin: string | undefined, option: (origin: string) => string): string {
  const given = origin !== undefined && ORIGIN.test(origin) ? show(origin) : undefined;
  return `If ${given ?? "that origin"} may send requests as the user, name it in the options: ` + option(given ?? "…");
}

function checkOrigin(origin: string): string {
  if (typeof origin !== "string" || !ORIGIN.test(origin)) {
    throw new TypeError(
      `Expected \`csrf.trustedOrigins\` to hold origins such as "https://example.com", got ${show(origin)}`,
    );
  }
  return origin;
}
