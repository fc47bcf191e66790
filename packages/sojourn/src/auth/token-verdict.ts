/** What an access token says, and why it is not accepted. */

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
 * - `malformed`: not a signed JWT, or cut off
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
