/** How a token travels: in a cookie, or in a header that a program sets. Never in a URL. */
import type { CookieSettings } from "../../policies/rule.ts";
import { show } from "../../show.ts";
import { cookieValue, type SessionCookie } from "./cookie.ts";
import { headerOf, type HeaderChanges, type IncomingRequest } from "./http-messages.ts";
import { signer, type Signer, type Signing } from "./signer.ts";

export type CarrierKind = "cookie" | "bearer" | "header";

export interface Carrier extends Signer {
  readonly kind: CarrierKind;
  /** The request header that it is in. */
  readonly requestHeader: string;
  /** Whether the client has to be told when the session is extended. */
  readonly carriesExpiry: boolean;
  /** What the request presents, right or not; `undefined` if it presents nothing. */
  find(headers: IncomingRequest["headers"]): string | undefined;
  /** The headers that issue a credential to the client. */
  issue(credential: string, expiresAt: number, now: number): Pick<HeaderChanges, "setCookie" | "credential">;
  /** The `Set-Cookie` line that deletes the cookie; none for a header. */
  readonly clearCookie: string | undefined;
}

export function cookieCarrier(signing: Signing, cookie: SessionCookie): Carrier {
  const { name } = cookie.settings as Required<Pick<CookieSettings, "name">>;
  const nameAndEquals = `${name}=`;
  return {
    kind: "cookie",
    requestHeader: "Cookie",
    carriesExpiry: cookie.persistent,
    ...signer(signing, `cookie ${name}`),
    find(headers) {
      const header = headerOf(headers, "cookie");
      return header === undefined ? undefined : cookieValue(header, nameAndEquals);
    },
    issue: (credential, expiresAt, now) => ({
      setCookie: cookie.set(credential, expiresAt, now),
      credential: undefined,
    }),
    clearCookie: cookie.clearCookie,
  };
}

/** `Authorization: Bearer` (RFC 6750, 2.1). */
export function bearerCarrier(signing: Signing): Carrier {
  return {
    kind: "bearer",
    requestHeader: "Authorization",
    carriesExpiry: false,
    ...signer(signing, "bearer"),
    find(headers) {
      const header = headerOf(headers, "authorization");
      // Another scheme is somebody else's.
      if (header === undefined || !/^bearer(?: |$)/i.test(header)) return undefined;
      return header.slice("bearer ".length).trim();
    },
    issue: (credential) => ({ setCookie: undefined, credential: ["Authorization", `Bearer ${credential}`] }),
    clearCookie: undefined,
  };
}

/** A header of the application's own. @throws TypeError if the name is not one, or belongs to something else */
export function headerCarrier(signing: Signing, name: string): Carrier {
  if (typeof name !== "string" || !/^[\w!#$%&'*+.^`|~-]+$/.test(name) || TAKEN.test(name)) {
    throw new TypeError(`Expected \`header\` to be the name of a header of its own, got ${show(name)}`);
  }
  const lowerCase = name.toLowerCase();
  return {
    kind: "header",
    requestHeader: name,
    carriesExpiry: false,
    ...signer(signing, "header"),
    find: (headers) => headerOf(headers, lowerCase),
    issue: (credential) => ({ setCookie: undefined, credential: [name, credential] }),
    clearCookie: undefined,
  };
}

const TAKEN = /^(authorization|cookie|set-cookie|host|origin|referer|vary|cache-control)$/i;
