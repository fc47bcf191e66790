/** Decides which requests may call the service. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { Refusal } from "./answer.ts";

/** Lets a request pass, or throws a {@link Refusal}. */
export type Gate = (asked: Asked) => void;

/** What a gate looks at. */
export interface Asked {
  readonly url: string;
  /** A header, by its name in lower case. */
  header(name: string): string | undefined;
}

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
  return ({ header }) => {
    const given = /^Bearer +(\S+) *$/i.exec(header("authorization") ?? "")?.[1];
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
  return ({ url, header }) => {
    const host = header("host") ?? new URL(url).host;
    if (!LOCAL_HOST.test(host)) {
      throw new Refusal(403, "Without an API key, only requests to localhost, 127.0.0.1 or [::1] are answered");
    }
    if (header("sec-fetch-site") === "cross-site" && !trusted.includes(header("origin") ?? "")) {
      throw new Refusal(403, "Without an API key, requests from pages of other sites are refused");
    }
  };
}

function sha256(text: string): Uint8Array {
  return createHash("sha256").update(text).digest();
}

/**
 * The headers as they came, where it is Node that serves: making a `Headers` of all of them costs more than the look at
 * a session. One that came twice is both, as `Headers` has it; Node's own `headers` would leave out a second host.
 */
export function askedBy(c: Context): Asked {
  const incoming = (c.env as NodeBindings | undefined)?.incoming;
  if (incoming === undefined) return { url: c.req.url, header: (name) => c.req.raw.headers.get(name) ?? undefined };
  return {
    url: c.req.url,
    header: (name) => rawHeader(incoming.rawHeaders, name),
  };
}

/** What the Node adapter hands to a handler, as far as it is used here. */
interface NodeBindings {
  /** `rawHeaders`: names and values in turn. */
  readonly incoming?: { readonly rawHeaders: readonly string[] };
}

function rawHeader(rawHeaders: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const given = rawHeaders[index] as string;
    if (given.length !== name.length || given.toLowerCase() !== name) continue;
    const value = rawHeaders[index + 1] as string;
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}
