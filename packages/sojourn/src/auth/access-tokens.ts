/** Access tokens: JWTs that are signed with the first key and verified with the one that they name (RFC 9068, RFC 8725). */
import type { CompactJWSHeaderParameters, JWTPayload } from "jose";
import type { Clock } from "../time/clock.ts";
import { uniqueRev } from "../tokens/token.ts";
import type { KeyMaterial, KeyRing, SigningKey } from "./signing-keys.ts";

/** How tokens are signed and verified. */
export interface TokenPolicy {
  readonly keys: KeyRing;
  readonly clock: Clock;
  readonly issuer: string;
  readonly audience: string;
  /** For how long a token is accepted, in whole seconds. */
  readonly ttl: number;
}

/** Whom a token is for. */
export interface TokenSubject {
  readonly userId: string;
  /** The session that the token belongs to, and the instant that the token must not outlive. */
  readonly session?: { readonly id: string; readonly expiresAt: number };
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/** A signed token. */
export interface SignedToken {
  readonly jwt: string;
  /** In seconds, as the claims have them. */
  readonly iat: number;
  readonly exp: number;
}

/** The claims of an access token (RFC 9068). `iat`, `exp` and `nbf` are in seconds. */
export interface AccessTokenClaims {
  /** Whose token it is. */
  readonly sub: string;
  /** The handle of the session that it was signed for; absent if it was signed for a user alone. */
  readonly sid?: string;
  /** Its own name, unique for ever. */
  readonly jti: string;
  /** When it was signed. */
  readonly iat: number;
  /** The first second in which it is no longer accepted. */
  readonly exp: number;
  readonly nbf?: number;
  readonly iss: string;
  readonly aud: string | readonly string[];
  readonly [claim: string]: unknown;
}

/**
 * Why an access token is not accepted.
 *
 * - `malformed`: not a signed JWT, cut off, or with white space in it
 * - `too-long`: more than 8,192 characters; it was not looked into
 * - `header`: a header parameter other than `alg`, `kid` and `typ`, such as `jku`, `jwk`, `x5u` or `crit`
 * - `algorithm`: not the one of the key that it names; `none`, for example
 * - `unknown-key`: a `kid` that is missing, or that no key has
 * - `signature`: not made by that key, or made over something else
 * - `type`: another kind of JWT than an access token
 * - `issuer`, `audience`: from, or for, somebody else
 * - `claims`: one is missing, or has the wrong type
 * - `expired`, `not-yet-valid`: by the given clock, without any tolerance
 * - `no-session`: the session was to be checked, and the token was signed for none
 * - `session-ended`: its session no longer lives, or is another user's
 */
export type TokenFault =
  | "malformed"
  | "too-long"
  | "header"
  | "algorithm"
  | "unknown-key"
  | "signature"
  | "type"
  | "issuer"
  | "audience"
  | "claims"
  | "expired"
  | "not-yet-valid"
  | "no-session"
  | "session-ended";

/** The claims of an access token, or why it is not accepted. */
export type TokenVerdict =
  | { readonly valid: true; readonly claims: AccessTokenClaims }
  | { readonly valid: false; readonly reason: TokenFault };

/** The longest token, in characters: what fits a header of common servers. Longer ones are not looked into. */
const MAX_TOKEN_LENGTH = 8_192;
/** The longest claims of the application's own, in characters of JSON: in base64url and with the others, they fit. */
const MAX_CLAIMS_LENGTH = 2_048;
/**
 * RFC 7515, 2 and 7.1: three parts in base64url, without padding or white space. `jose` reads past white space, so that
 * one token could be written in many ways.
 */
const SHAPE = /^[\w-]+\.[\w-]+\.[\w-]*$/;
/** RFC 9068, 2.1: so that no other JWT of the same issuer is taken for an access token. */
const TYPE = "at+jwt";
const HEADER_PARAMETERS: ReadonlySet<string> = new Set(["alg", "kid", "typ"]);
/** The claims that are set here, and those whose meaning RFC 7519 fixes. */
const RESERVED: readonly string[] = ["sub", "sid", "jti", "iat", "exp", "nbf", "iss", "aud"];

/** @throws TypeError for claims that are not an object of others than the reserved ones, or too large */
export async function signAccessToken(policy: TokenPolicy, subject: TokenSubject): Promise<SignedToken> {
  const { keys, issuer, audience } = policy;
  const { userId, session } = subject;
  const claims = checkClaims(subject.claims);
  const jose = await loadJose();
  const iat = Math.floor(policy.clock.now() / 1_000);
  const end = session === undefined ? Number.POSITIVE_INFINITY : Math.floor(session.expiresAt / 1_000);
  const exp = Math.min(iat + policy.ttl, end);
  const own = {
    sub: userId,
    ...(session && { sid: session.id }),
    jti: uniqueRev(),
    iat,
    exp,
    iss: issuer,
    aud: audience,
  };
  const { kid, alg, signsWith } = keys.signing;
  const jwt = await new jose.SignJWT({ ...claims, ...own })
    .setProtectedHeader({ alg, kid, typ: TYPE })
    .sign(keyFor(jose, signsWith));
  if (jwt.length > MAX_TOKEN_LENGTH) {
    throw new TypeError(
      `Expected a user id and claims that fit into ${MAX_TOKEN_LENGTH} characters, got ${jwt.length}`,
    );
  }
  return { jwt, iat, exp };
}

/** Whatever can go wrong before there is something to sign. @throws TypeError as `signAccessToken` does */
export async function prepareToSign(claims: unknown): Promise<void> {
  checkClaims(claims);
  await loadJose();
}

/** The one place that loads `jose`: when the first token is signed or verified. */
async function loadJose() {
  return import("jose");
}

function checkClaims(claims: unknown): JWTPayload {
  if (claims === undefined) return {};
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) {
    throw new TypeError("Expected the claims of a token to be an object");
  }
  const reserved = RESERVED.find((name) => Object.hasOwn(claims, name));
  if (reserved !== undefined)
    throw new TypeError(`Expected claims without \`${reserved}\`, which is set by the library`);
  // What JSON has of them: the rest, such as functions, is not signed.
  const json = JSON.stringify(claims);
  if (json.length > MAX_CLAIMS_LENGTH) {
    throw new TypeError(`Expected claims of at most ${MAX_CLAIMS_LENGTH} characters of JSON, got ${json.length}`);
  }
  return JSON.parse(json) as JWTPayload;
}

/** Judges a token by its signature, its claims and the clock. Asks no store, and fetches nothing. */
export async function verifyAccessToken(policy: TokenPolicy, jwt: unknown): Promise<TokenVerdict> {
  if (typeof jwt !== "string") return refused("malformed");
  if (jwt.length > MAX_TOKEN_LENGTH) return refused("too-long");
  if (!SHAPE.test(jwt)) return refused("malformed");
  const jose = await loadJose();
  const { keys, clock, issuer, audience } = policy;
  try {
    const { payload } = await jose.jwtVerify(
      jwt,
      (header: CompactJWSHeaderParameters) => keyFor(jose, keyOf(keys, header).verifiesWith),
      {
        algorithms: [...new Set([...keys.byKid.values()].map((key) => key.alg))],
        typ: TYPE,
        issuer,
        audience,
        requiredClaims: ["sub", "jti", "iat", "exp"],
        currentDate: new Date(clock.now()),
      },
    );
    return hasClaimTypes(payload) ? { valid: true, claims: Object.freeze(payload) } : refused("claims");
  } catch (error) {
    const reason = faultOf(error);
    // Whatever is not about the token is a fault, such as a runtime without the algorithm.
    if (reason === undefined) throw error;
    return refused(reason);
  }
}

/** Thrown where jose asks for the key, to come back out of it. */
class RefusedHeader extends Error {
  readonly reason: TokenFault;
  constructor(reason: TokenFault) {
    super(reason);
    this.reason = reason;
  }
}

/** The key that a header names, for the algorithm of that key only. Nothing in a header can bring another key. */
function keyOf(keys: KeyRing, header: CompactJWSHeaderParameters): SigningKey {
  if (!Object.keys(header).every((name) => HEADER_PARAMETERS.has(name))) throw new RefusedHeader("header");
  const key = typeof header.kid === "string" ? keys.byKid.get(header.kid) : undefined;
  if (key === undefined) throw new RefusedHeader("unknown-key");
  if (header.alg !== key.alg) throw new RefusedHeader("algorithm");
  return key;
}

function keyFor(
  jose: Awaited<ReturnType<typeof loadJose>>,
  material: KeyMaterial,
): { readonly [part: string]: string } {
  return typeof material === "string" ? { kty: "oct", k: jose.base64url.encode(material), alg: "HS256" } : material;
}

function hasClaimTypes(payload: JWTPayload): payload is JWTPayload & AccessTokenClaims {
  const { sub, sid, jti } = payload;
  return typeof sub === "string" && typeof jti === "string" && (sid === undefined || typeof sid === "string");
}

const FAULTS: Readonly<Record<string, TokenFault>> = {
  ERR_JWS_INVALID: "malformed",
  ERR_JWT_INVALID: "malformed",
  ERR_JOSE_ALG_NOT_ALLOWED: "algorithm",
  ERR_JOSE_NOT_SUPPORTED: "header",
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "signature",
  ERR_JWT_EXPIRED: "expired",
};
const CLAIM_FAULTS: Readonly<Record<string, TokenFault>> = { typ: "type", iss: "issuer", aud: "audience" };

/** What is wrong with a token by what jose threw; `undefined` if that was not about the token. */
function faultOf(error: unknown): TokenFault | undefined {
  if (error instanceof RefusedHeader) return error.reason;
  if (!(error instanceof Error)) return undefined;
  const { code = "", claim = "", reason } = error as Error & { code?: string; claim?: string; reason?: string };
  if (code !== "ERR_JWT_CLAIM_VALIDATION_FAILED") return FAULTS[code];
  if (claim === "nbf" && reason === "check_failed") return "not-yet-valid";
  return CLAIM_FAULTS[claim] ?? "claims";
}

function refused(reason: TokenFault): TokenVerdict {
  return { valid: false, reason };
}
