/**
 * Forward authentication: a proxy asks for each request whether it has a session, and passes it on with the user's id in
 * a header, to an app that knows nothing of sessions.
 */
import type { CookieSessions, IncomingRequest } from "sojourn/cookies";
import { answer, answerError, Refusal } from "../answer.ts";
import type { Asked } from "../asked.ts";
import type { Route } from "../router.ts";

/** What `GET /verify` goes by. */
export interface Verify {
  /** From `cookieSessions` of `sojourn/cookies`, with the keys, the cookie and the carriers of those who log in. */
  readonly web: CookieSessions;
  /** The fields of the session's data that are told, each as `X-Sojourn-Data-<name>`. @default none */
  readonly fields?: readonly string[];
}

/** The name of a field that can be a part of a header's name. */
export const FIELD_NAME: RegExp = /^[a-z][a-z\d-]{0,63}$/i;
/** Proxies read 4 KiB of headers of an answer by default. */
const LONGEST_VALUE = 2_048;

/**
 * The gate is not asked: a proxy cannot put a key where the client's own bearer token is, and a signed credential tells
 * nobody more than whom it belongs to.
 */
export function verifyRoute({ web, fields = [] }: Verify): Route {
  return {
    path: "/verify",
    isOpen: true,
    GET: async (asked) => {
      const session = await web.start(forwarded(asked));
      const { id, userId, data } = session;
      if (id === undefined || userId === null) return answerError(401, "Expected the credential of a live session");
      const headers = new Headers();
      // It has ended meanwhile.
      if (!(await session.commit(headers))) return answerError(401, "Expected the credential of a live session");
      const told = fields.map((name) => {
        const value = Object.hasOwn(data, name) ? data[name] : undefined;
        // Also where there is none: Caddy would pass on the name of its own placeholder.
        return [`x-sojourn-data-${name.toLowerCase()}`, value === undefined ? "" : headerValue(value, name)];
      });
      return answer(200, "ok", {
        ...Object.fromEntries(headers),
        "x-sojourn-user": headerValue(userId, "user id"),
        "x-sojourn-session": id,
        ...(Object.fromEntries(told) as Record<string, string>),
      });
    },
  };
}

/** The request that the proxy asks about. @throws Refusal (400) if the proxy does not say which method it has */
function forwarded(asked: Asked): IncomingRequest {
  const method = asked.header("x-forwarded-method");
  // Without it, a form of another site would look like a link, and pass.
  if (method === undefined || !/^[A-Z]{1,32}$/.test(method)) {
    throw new Refusal(400, "Expected the proxy to send X-Forwarded-Method with the method of the request");
  }
  const special: Readonly<Record<string, () => string | undefined>> = {
    host: () => asked.header("x-forwarded-host") ?? asked.host,
    // Proxies keep Upgrade for themselves, and pass this on, which only a WebSocket has.
    upgrade: () => asked.header("upgrade") ?? (asked.header("sec-websocket-key") && "websocket"),
  };
  return {
    method,
    headers: {
      get: (name) => {
        const lower = name.toLowerCase();
        return (Object.hasOwn(special, lower) ? special[lower]?.() : asked.header(lower)) ?? null;
      },
    },
  };
}

/** Visible ASCII, with all else and `%` percent-encoded: no value can begin another header, or be cut. */
function headerValue(value: unknown, name: string): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const encoded = text
    .toWellFormed()
    .replace(/[^\x21-\x24\x26-\x7e]+/g, encodeURIComponent)
    .replaceAll(",", "%2C");
  if (encoded.length <= LONGEST_VALUE) return encoded;
  throw new RangeError(`Expected at most ${LONGEST_VALUE} characters of ${name} for a header, got ${encoded.length}`);
}
