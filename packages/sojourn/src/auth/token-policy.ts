/** What the signing and the verifying of access tokens go by; apart, so that no published type needs jose's. */
import type { Clock } from "../time/clock.ts";
import type { KeyRing } from "./signing-keys.ts";

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
