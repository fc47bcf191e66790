/** Whether a browser sends a request on behalf of another origin: by `Sec-Fetch-Site`, or else by `Origin`. */
import { CrossSiteRequestError } from "../../errors.ts";
import { show } from "../../show.ts";
import { headerOf, hostOf, type IncomingRequest } from "./http-messages.ts";

/** Throws a `CrossSiteRequestError` for an unsafe request on behalf of another origin. */
export type CrossSiteCheck = (request: IncomingRequest) => void;

const SAFE = /^(GET|HEAD|OPTIONS|TRACE)$/;

/** @throws TypeError if an origin is not one */
export function crossSiteCheck(trustedOrigins: readonly string[]): CrossSiteCheck {
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

  return (request) => {
    if (SAFE.test(request.method ?? "GET") || isAllowed(request)) return;
    throw new CrossSiteRequestError("The request comes from another origin");
  };
}

function checkOrigin(origin: string): string {
  if (typeof origin !== "string" || !/^[a-z][a-z\d+.-]*:\/\/[^/?#\s]+$/.test(origin)) {
    throw new TypeError(
      `Expected \`csrf.trustedOrigins\` to hold origins such as "https://example.com", got ${show(origin)}`,
    );
  }
  return origin;
}
