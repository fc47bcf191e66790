/** How a token travels: in a cookie, or in a header that a program sets. Never in a URL. */
import type { CookieSettings } from "../../policies/rule.ts";
import type { SessionHead } from "../../sessions/session.ts";
import { show } from "../../show.ts";
import { cookieValue, type SessionCookie } from "./cookie.ts";
import { headerOf, headerOn, type CommitTarget, type HeaderChanges, type IncomingRequest } from "./http-messages.ts";
import { signer, type Signer, type Signing, type Verified } from "./signer.ts";

/** Where a request has its token: in the cookie, in `Authorization: Bearer`, or in a header of the application's own. */
export type CarrierKind = "cookie" | "bearer" | "header";

/** What a client is told of its session. */
type Issued = Pick<SessionHead, "userId" | "expiresAt">;

export interface Carrier extends Signer {
  readonly kind: CarrierKind;
  /** The request header that it is in. */
  readonly requestHeader: string;
  /** What the request presents, right or not; `undefined` if it presents nothing. */
  find(headers: IncomingRequest["headers"]): string | undefined;
  /** The headers that issue a token to the client. */
  issue(token: string, session: Issued, now: number): Pick<HeaderChanges, "setCookie" | "credential">;
  /** What a response has been given already to issue, as by an answer within this one; `undefined` if nothing. */
  issued(target: CommitTarget): string | undefined;
  /** Whether the client was told an earlier end than the session has. */
  isBehind(verified: Verified, expiresAt: number, now: () => number): boolean;
  /** The `Set-Cookie` line that deletes the cookie; none for a header. */
  readonly clearCookie: string | undefined;
}

export function cookieCarrier(signing: Signing, cookie: SessionCookie): Carrier {
  const { name } = cookie.settings as Required<Pick<CookieSettings, "name">>;
  const nameAndEquals = `${name}=`;
  const signs = signer(signing, `cookie ${name}`);
  return {
    kind: "cookie",
    requestHeader: "Cookie",
    ...signs,
    find(headers) {
      const header = headerOf(headers, "cookie");
      return header === undefined ? undefined : cookieValue(header, nameAndEquals);
    },
    issue(token, { userId, expiresAt }, now) {
      const end = cookie.endFor(expiresAt, now);
      return { setCookie: cookie.set(signs.sign(token, { end, userId }), end, now), credential: undefined };
    },
    issued(target) {
      // Where it comes twice, a browser keeps the last one.
      const lines = headerOn(target, "Set-Cookie").split(/[,;]\s*/);
      const line = lines.findLast((part) => part.startsWith(nameAndEquals));
      return line?.slice(nameAndEquals.length) || undefined;
    },
    isBehind: ({ end }, expiresAt, now) => cookie.isBehind(end, expiresAt, now),
    clearCookie: cookie.clearCookie,
  };
}

/** `Authorization: Bearer` (RFC 6750, 2.1). */
export function bearerCarrier(signing: Signing): Carrier {
  const signs = signer(signing, "bearer");
  return {
    kind: "bearer",
    requestHeader: "Authorization",
    ...signs,
    find(headers) {
      const header = headerOf(headers, "authorization");
      // Another scheme is somebody else's.
      if (header === undefined || !/^bearer(?: |$)/i.test(header)) return undefined;
      return header.slice("bearer ".length).trim();
    },
    issue: (token) => ({ setCookie: undefined, credential: ["Authorization", `Bearer ${signs.sign(token)}`] }),
    issued: () => undefined,
    isBehind: () => false,
    clearCookie: undefined,
  };
}

/** A header of the application's own. @throws TypeError if the name is not one, or belongs to something else */
export function headerCarrier(signing: Signing, name: string): Carrier {
  if (typeof name !== "string" || !/^[\w!#$%&'*+.^`|~-]+$/.test(name) || TAKEN.test(name)) {
    throw new TypeError(`Expected \`header\` to be the name of a header of its own, got ${show(name)}`);
  }
  const lowerCase = name.toLowerCase();
  const signs = signer(signing, "header");
  return {
    kind: "header",
    requestHeader: name,
    ...signs,
    find: (headers) => headerOf(headers, lowerCase),
    issue: (token) => ({ setCookie: undefined, credential: [name, signs.sign(token)] }),
    issued: () => undefined,
    isBehind: () => false,
    clearCookie: undefined,
  };
}

const TAKEN = /^(authorization|cookie|set-cookie|host|origin|referer|vary|cache-control)$/i;
