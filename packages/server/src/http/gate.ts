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
 * The gate of a server that is open to its own machine, and so within reach of every page that a browser there
 * shows. A page whose name was made to point at 127.0.0.1 (DNS rebinding) still sends that name as the host, and a
 * browser says of other requests whether they come from another site.
 *
 * @param trusted the origins whose pages may ask all the same
 */
function localGate(trusted: readonly string[]): Gate {
  return (asked) => {
    if (!LOCAL_HOST.test(asked.host)) {
      throw new Refusal(403, "Without an API key, only requests to localhost, 127.0.0.1 or [::1] are answered");
    }
    if (asked.header("sec-fetch-site") === "cross-site" && !trusted.includes(asked.header("origin") ?? "")) {
      throw new Refusal(403, "Without an API key, requests from pages of other sites are refused");
    }
  };
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}
