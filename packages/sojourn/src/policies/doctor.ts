/** What a configuration violates, by the number of the requirement. */
import { checkOptions, type OptionNames } from "../options.ts";
import { show } from "../show.ts";
import type { Mode } from "../store/reply.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { cookieRules } from "./cookie-rules.ts";
import { secretRules, storeRules } from "./deployment-rules.ts";
import { lifetimeRules } from "./lifetime-rules.ts";
import type { CookieSettings, Examined, Profile, Severity } from "./rule.ts";

/** What `doctor` cannot read off the manager. What is left out is not examined. */
export interface DoctorOptions {
  /** The standards whose numbers count. `"owasp"` is ASVS 5.0 with its cheat sheet. @default ["owasp"] */
  readonly against?: readonly Profile[];
  /** The cookie that carries the token. */
  readonly cookie?: CookieSettings;
  /** The secret that access tokens are signed with. It is looked at, and never shown. */
  readonly jwtSecret?: string | Uint8Array;
  /** Whether the caller brings its own tokens: `create(…, { token })`. */
  readonly adoptedTokens?: boolean;
}

/** One requirement that is not met. It has nothing secret in it. */
export interface Finding {
  /** For example `"ASVS 7.3.1"`, `"NIST 800-63B-4 2.2.3"`, `"RFC 7518 3.2"`, or a law of this library: `"sojourn law 10"`. */
  readonly requirement: string;
  /** `"must"`: the text says must, or shall. `"should"`: it recommends, or leaves the number to you. */
  readonly severity: Severity;
  /** What it asks for, in short. */
  readonly what: string;
  readonly found: string;
  readonly expected: string;
  /** What to change. */
  readonly advice: string;
}

const COOKIE: OptionNames<CookieSettings> = {
  name: true,
  secure: true,
  httpOnly: true,
  sameSite: true,
  path: true,
  domain: true,
  maxAge: true,
  valueBytes: true,
};

/**
 * Lists what a manager's configuration violates, the worst first; nothing, if it violates nothing. It reads options and
 * asks no store. A lifetime that `create` was given for one session is not looked at here.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { doctor } from "sojourn/policies";
 *
 * for (const { severity, requirement, advice } of doctor(createSessions({ ttl: "30d" }))) {
 *   console.log(severity, requirement, advice);
 * }
 * ```
 */
export function doctor<Data, M extends Mode>(
  sessions: Pick<Sessions<Data, M>, "policy" | "guarantees" | "listens">,
  options: DoctorOptions = {},
): readonly Finding[] {
  if (typeof sessions?.listens !== "function") {
    throw new TypeError(`Expected \`sessions\` to be a session manager, got ${show(sessions)}`);
  }
  checkOptions("doctor", options, { against: true, cookie: true, jwtSecret: true, adoptedTokens: true });
  if (options.cookie !== undefined) checkOptions("doctor's cookie", options.cookie, COOKIE);
  const { against = ["owasp"], ...rest } = options;
  const { policy, guarantees } = sessions;
  const unheard = (["created", "ended", "rejected"] as const).filter((type) => !sessions.listens(type));
  const examined: Examined = { policy, guarantees, unheard, ...rest };
  return [...lifetimeRules, ...storeRules, ...secretRules, ...cookieRules]
    .filter((rule) => rule.profiles === undefined || rule.profiles.some((profile) => against.includes(profile)))
    .flatMap((rule): Finding[] => {
      const { requirement, severity, what, expected, advice } = rule;
      const found = rule.violation(examined);
      return found === undefined ? [] : [{ requirement, severity, what, found, expected, advice }];
    })
    .sort((a, b) => Number(a.severity === "should") - Number(b.severity === "should"));
}
