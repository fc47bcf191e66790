/** A request as Next shows it to components, actions and Route Handlers: by `cookies()` and `headers()`. */
import { AMBIGUOUS, cookieValue } from "../cookies/cookie.ts";
import type { HeaderReader, ResponseHeaders } from "../cookies/http-messages.ts";

/** What `await cookies()` gives: one object per request and phase. */
export interface CookieJar {
  get(name: string): { readonly value: string } | undefined;
  set(name: string, value: string, options: object): unknown;
  delete(name: string): unknown;
}

/** One request, in one phase of it. */
export interface NextRequest {
  readonly jar: CookieJar;
  readonly headers: HeaderReader;
}

interface NextHeaders {
  cookies(): Promise<CookieJar>;
  headers(): Promise<HeaderReader>;
}

let loaded: NextHeaders | undefined;

/**
 * The request that is being answered.
 *
 * With the suffix, since a package outside the bundle is loaded by Node, and Next has no `exports`; when it is needed, since
 * the Pages Router and the tests of an application do without. Both are asked before anything else is done: a page that
 * touches the clock before them cannot be prerendered.
 *
 * @throws what Next throws outside of a request, and where a page is prerendered
 */
export async function nextRequest(): Promise<NextRequest> {
  loaded ??= await import("next/headers.js");
  const jar = await loaded.cookies();
  return { jar, headers: await loaded.headers() };
}

/**
 * Headers with the cookie as it is now: an action may have set it since, and the page that it renders anew would otherwise
 * show whoever was logged in before.
 */
export function currentHeaders({ jar, headers }: NextRequest, cookieName: string | undefined): HeaderReader {
  const cookie = cookieName === undefined ? null : currentCookie(jar, headers, cookieName);
  return { get: (name) => (name === "cookie" ? cookie : headers.get(name)) };
}

/** Our pair alone: Next decodes the others, and what they hold then could read as a cookie of ours. */
export function currentCookie(jar: CookieJar, headers: HeaderReader, name: string): string | null {
  const value = jar.get(name)?.value;
  // Empty once it was deleted in this request.
  if (value === undefined || value === "") return null;
  const sent = headers.get("cookie") ?? "";
  // Of two cookies with one name Next keeps one; which of them is ours cannot be told, unless it was set since.
  const isAmbiguous = cookieValue(sent, `${name}=`) === AMBIGUOUS && sent.includes(value);
  return isAmbiguous ? sent : `${name}=${value}`;
}

/** Whether cookies can be set now. While it renders, Next puts one function that throws in the place of both. */
export const isSealed = (jar: CookieJar): boolean => jar.set === jar.delete;

/** Where a commit sets its cookie. An action has no other header to set. */
export function jarHeaders(jar: CookieJar): ResponseHeaders {
  return {
    get: () => null,
    set() {},
    append(name, value) {
      if (name === "Set-Cookie") setLine(jar, value);
    },
  };
}

/** Next writes the line anew, so it is taken apart. */
function setLine(jar: CookieJar, line: string): void {
  const [pair = "", ...attributes] = line.split("; ");
  const at = pair.indexOf("=");
  const options: Record<string, unknown> = {};
  for (const attribute of attributes) {
    const [name = "", value] = attribute.split("=");
    if (name === "Max-Age") options["maxAge"] = Number(value);
    else if (name === "SameSite") options["sameSite"] = value?.toLowerCase();
    else if (name === "HttpOnly") options["httpOnly"] = true;
    // From the Max-Age, by Next.
    else if (name !== "Expires") options[name.toLowerCase()] = value ?? true;
  }
  jar.set(pair.slice(0, at), pair.slice(at + 1), options);
}
