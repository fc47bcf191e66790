/**
 * Whether a browser sends a request on behalf of another origin: by `Sec-Fetch-Site`, or else by `Origin`, as
 * `CrossOriginProtection` of Go's net/http does. No token in forms is needed for that, and no cookie but the session's.
 *
 * It comes before any cookie is set, also where none was sent: a lax cookie stays away from another site's form, and
 * the answer would put a new session in the place of the user's, with fields that the next login would take over.
 */
import { CrossSiteRequestError } from "../../errors.ts";
import { checkOptions } from "../../options.ts";
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

/** An option that names origins. */
export interface OriginsOption {
  readonly name: string;
  /** How an application writes it, to let an origin through. */
  readonly example: (origin: string) => string;
}

const CSRF_OPTION: OriginsOption = {
  name: "csrf.trustedOrigins",
  example: (origin) => `csrf: { trustedOrigins: [${origin}] }`,
};

/** The origins that `csrf` trusts. @throws TypeError if it is not what it should be */
export function trustedOriginsOf(csrf: boolean | { readonly trustedOrigins: readonly string[] }): readonly string[] {
  if (typeof csrf === "boolean") return [];
  if (typeof csrf !== "object" || csrf === null || Array.isArray(csrf)) {
    throw new TypeError(`Expected \`csrf\` to be true, false or { trustedOrigins }, got ${show(csrf)}`);
  }
  checkOptions("csrf", csrf, { trustedOrigins: true });
  const { trustedOrigins } = csrf;
  checkOrigins(trustedOrigins, CSRF_OPTION);
  return trustedOrigins;
}

/**
 * @param toDevelopers whether only developers see the answers
 * @param option what names the origins
 * @throws TypeError if an origin is not one
 */
export function crossSiteCheck(
  trustedOrigins: readonly string[],
  toDevelopers: boolean,
  option: OriginsOption = CSRF_OPTION,
): CrossSiteCheck {
  checkOrigins(trustedOrigins, option);
  const trusted = new Set(trustedOrigins);

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

function hintFor(origin: string | undefined, { example }: OriginsOption): string {
  const given = origin !== undefined && ORIGIN.test(origin) ? show(origin) : undefined;
  return `If ${given ?? "that origin"} may send requests as the user, name it in the options: ` + example(given ?? "…");
}

function checkOrigins(origins: readonly string[], { name }: OriginsOption): void {
  if (!Array.isArray(origins)) {
    throw new TypeError(`Expected \`${name}\` to be an array of origins, got ${show(origins)}`);
  }
  for (const origin of origins as readonly unknown[]) {
    if (typeof origin === "string" && ORIGIN.test(origin) && isAsBrowsersSend(origin)) continue;
    throw new TypeError(`Expected \`${name}\` to hold origins such as "https://example.com", got ${show(origin)}`);
  }
}

/** In small letters, without a port that goes without saying (RFC 6454, section 6). Any other would never be let through. */
function isAsBrowsersSend(origin: string): boolean {
  return !/^https?:/i.test(origin) || (URL.canParse(origin) && new URL(origin).origin === origin);
}
