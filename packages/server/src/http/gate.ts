/** Decides which requests may call the service. */
import { createHash, timingSafeEqual } from "node:crypto";
import { Refusal } from "./answer.ts";
import type { Asked } from "./asked.ts";

/** Lets a request pass, or throws a {@link Refusal}. */
export type Gate = (asked: Asked) => void;

/** The fewest characters of an API key. 32 random ones are better. */
export const MIN_API_KEY_LENGTH = 16;
const MAX_API_KEY_LENGTH = 1_024;

/** @throws TypeError, without the key in it, if no header could carry the key or if it is too short */
export function checkApiKey(apiKey: string): void {
  if (apiKey.length < MIN_API_KEY_LENGTH || apiKey.length > MAX_API_KEY_LENGTH) {
    throw new TypeError(
      `Expected an API key of ${MIN_API_KEY_LENGTH} to ${MAX_API_KEY_LENGTH} characters (32 random ones are a good choice), ` +
        `got ${apiKey.length}`,
    );
  }
  if (!/^[\x21-\x7e]+$/.test(apiKey)) {
    throw new TypeError("Expected an API key of visible ASCII characters, without spaces");
  }
}

/**
 * The gate of a server with a key: `Authorization: Bearer <key>`.
 *
 * @throws TypeError as {@link checkApiKey} does
 */
function keyGate(apiKey: string): Gate {
  checkApiKey(apiKey);
  const expected = sha256(apiKey);
  return (asked) => {
    const given = /^Bearer +(\S+) *$/i.exec(asked.header("authorization") ?? "")?.[1];
    // Digests have one length, so that comparing them tells nothing about the key, not even how long it is.
    if (given === undefined || !timingSafeEqual(sha256(given), expected)) {
      throw new Refusal(401, "Expected the header Authorization: Bearer <API key>", {
        "www-authenticate": 'Bearer realm="sojourn"',
      });
    }
  };
}

/** Who may ask, by the options of the app. */
export function gateOf({ apiKey, open, cors }: GateOptions): Gate {
  if (open) return () => undefined;
  return apiKey === undefined ? localGate(cors) : keyGate(apiKey);
}

/** Options of {@link gateOf}. */
export interface GateOptions {
  readonly apiKey: string | undefined;
  readonly open: boolean;
  readonly cors: readonly string[];
}

const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

/**
 * The gate of a server that is open to its own machine, and so within reach of every page that a browser there shows. A
 * page whose name was made to point at 127.0.0.1 (DNS rebinding) still sends that name as the host, and of other requests
 * a browser says on whose behalf it sends them.
 *
 * @param trusted the origins whose pages may ask all the same
 */
function localGate(trusted: readonly string[]): Gate {
  return (asked) => {
    if (!LOCAL_HOST.test(asked.host)) {
      throw new Refusal(403, "Without an API key, only requests to localhost, 127.0.0.1 or [::1] are answered");
    }
    if (isOfAnotherOrigin(asked, trusted)) {
      throw new Refusal(403, "Without an API key, requests from pages of other origins are refused");
    }
  };
}

/**
 * Whether a page of another origin asks: by `Sec-Fetch-Site`, or else by `Origin`, in the way that `sojourn/cookies` decides
 * it. Another port of this machine is another origin: what is shown there may be anybody's. Here a GET is no exception.
 * No page has links to this service, and whether a token is live is not to be learned from how an image fails to load.
 */
function isOfAnotherOrigin(asked: Asked, trusted: readonly string[]): boolean {
  const site = asked.header("sec-fetch-site");
  if (site === "same-origin" || site === "none") return false;
  const origin = asked.header("origin");
  if (origin !== undefined && trusted.includes(origin)) return false;
  if (site !== undefined) return true;
  // A browser of today sends at least one of the two for a page; what is no browser acts for none.
  return origin !== undefined && origin.replace(/^https?:\/\//, "") !== asked.host;
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
