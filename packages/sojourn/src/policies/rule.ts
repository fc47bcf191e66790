/** A rule that `doctor` checks. */
import type { Policy } from "../sessions/options.ts";
import type { Guarantees } from "../store/store.ts";

/** A standard, or a level of one, that a configuration is held against. */
export type Profile = "owasp" | "nistAal1" | "nistAal2" | "nistAal3";
/** Whether a standard demands it (`must`), or recommends it (`should`). */
export type Severity = "must" | "should";

/** A cookie's attributes, as `Set-Cookie` has them. */
export interface CookieSettings {
  readonly name: string;
  readonly secure?: boolean;
  readonly httpOnly?: boolean;
  readonly sameSite?: "strict" | "lax" | "none" | "Strict" | "Lax" | "None" | undefined;
  readonly path?: string;
  readonly domain?: string;
  /** In seconds. */
  readonly maxAge?: number;
  /** How many bytes its value has at most. @default 70, a minted token */
  readonly valueBytes?: number;
}

/** All that the rules look at. */
export interface Examined {
  readonly policy: Policy;
  readonly guarantees: Guarantees;
  /** The events that an audit needs, and nobody listens to. */
  readonly unheard: readonly string[];
  readonly cookie?: CookieSettings;
  readonly jwtSecret?: string | Uint8Array;
  readonly adoptedTokens?: boolean;
}

export interface Rule {
  readonly requirement: string;
  readonly severity: Severity;
  readonly what: string;
  readonly expected: string;
  readonly advice: string;
  /** Where it applies; everywhere if it is left out. */
  readonly profiles?: readonly Profile[];
  /** What was found, if that violates it. */
  violation(examined: Examined): string | undefined;
}

/** A violation of what a cookie must be; nothing where there is none to examine. */
export function ofCookie(violation: (cookie: CookieSettings, examined: Examined) => string | undefined) {
  return (examined: Examined): string | undefined =>
    examined.cookie === undefined ? undefined : violation(examined.cookie, examined);
}
