/** Options of `createAuth`. All durations are in seconds. */
import { requireOptions, type OptionNames } from "../options.ts";
import type { MaxPerUser, SessionsOptions } from "../sessions/options.ts";
import type { Requirements } from "../sessions/requirements.ts";
import { show } from "../show.ts";
import type { Mode } from "../store/reply.ts";
import type { Store } from "../store/store.ts";
import { systemClock, type Clock } from "../time/clock.ts";
import { defaultAbsoluteTtl, parseSeconds } from "./seconds.ts";
import type { SessionData } from "./session.ts";
import { keyRing, type Jwk } from "./signing-keys.ts";
import type { TokenPolicy } from "./access-tokens.ts";

/** What access tokens are signed with: a secret, or keys. */
export type SigningOptions =
  | {
      /**
       * The secret for HS256: at least 32 random bytes, as `openssl rand -base64 32` prints them. With fewer, the
       * process is warned, once; fewer than 8 are refused.
       */
      readonly jwtSecret: string;
      readonly keys?: undefined;
    }
  | {
      readonly jwtSecret?: undefined;
      /**
       * The first one signs, all of them verify. To change keys, put the new one second, and when every server has it,
       * first; drop the old one an `accessTokenTtl` later. A string is a secret for HS256; a public key only verifies.
       */
      readonly keys: readonly (Jwk | string)[];
    };

/** Options of `createAuth`. */
export type AuthOptions<M extends Mode> = SigningOptions & {
  /** How long a session lives unless it is extended, in seconds. Each session keeps the one it began with. @default 3600 */
  readonly sessionTtl?: number;
  /**
   * `getSession` extends a session that would expire in fewer than so many seconds; 0 never does, `sessionTtl` or more
   * always. @default 300
   */
  readonly sessionRefreshThreshold?: number;
  /** The lifetime that nothing extends, in seconds. At least `sessionTtl`. @default 30 days, or `sessionTtl` if longer */
  readonly sessionAbsoluteTtl?: number;
  /**
   * For how many seconds an old token still works after `refreshToken` has replaced it, so that many tabs may refresh
   * at once; 0 for not at all. Its use after that is theft. @default 10
   */
  readonly rotationGrace?: number;
  /** For how many seconds an access token is accepted: whole ones. It is what `verifyToken` promises. @default 900 */
  readonly accessTokenTtl?: number;
  /** The `iss` of access tokens, which is checked. @default "sojourn" */
  readonly issuer?: string;
  /** The `aud` of access tokens, which is checked. @default the issuer */
  readonly audience?: string;
  /** Where sessions are kept. @default memoryStore() */
  readonly store?: Store<M>;
  /** How many live sessions a user may have, and what a login beyond that does. @default no limit */
  readonly maxPerUser?: MaxPerUser;
  /** What the store has to guarantee; a store that does not is refused. @default nothing */
  readonly require?: Requirements;
  /** Where instants come from. @default systemClock */
  readonly clock?: Clock;
};

const NAMES: OptionNames<AuthOptions<Mode>> = {
  jwtSecret: true,
  keys: true,
  sessionTtl: true,
  sessionRefreshThreshold: true,
  sessionAbsoluteTtl: true,
  rotationGrace: true,
  accessTokenTtl: true,
  issuer: true,
  audience: true,
  store: true,
  maxPerUser: true,
  require: true,
  clock: true,
};

/** The options of the manager, and how tokens are signed. @throws TypeError for an option that is not what it should be */
export function resolveAuthOptions<Fields extends object>(
  options: AuthOptions<Mode>,
): { readonly sessions: SessionsOptions<SessionData<Fields>, Mode>; readonly tokens: TokenPolicy } {
  requireOptions("createAuth", options, NAMES);
  const ttl = parseSeconds(options.sessionTtl ?? 3_600, "sessionTtl");
  const threshold = parseSeconds(options.sessionRefreshThreshold ?? 300, "sessionRefreshThreshold", { zero: true });
  const { issuer = "sojourn", store, maxPerUser, require, clock = systemClock } = options;
  return {
    sessions: {
      // With their unit, since they may be less than a minute.
      ttl: `${ttl}ms`,
      absoluteTtl: `${absoluteTtl(options, ttl)}ms`,
      // With the ttl as its threshold, every access extends; more could not do more.
      refreshThreshold: `${Math.min(threshold, ttl)}ms`,
      rotationGrace: `${parseSeconds(options.rotationGrace ?? 10, "rotationGrace", { zero: true })}ms`,
      clock,
      ...(store !== undefined && { store }),
      ...(maxPerUser !== undefined && { maxPerUser }),
      ...(require !== undefined && { require }),
    },
    tokens: Object.freeze({
      keys: keyRing(options),
      clock,
      issuer: checkName(issuer, "issuer"),
      audience: checkName(options.audience ?? issuer, "audience"),
      ttl: parseSeconds(options.accessTokenTtl ?? 900, "accessTokenTtl", { whole: true }) / 1_000,
    }),
  };
}

function absoluteTtl({ sessionAbsoluteTtl }: AuthOptions<Mode>, ttl: number): number {
  if (sessionAbsoluteTtl === undefined) return defaultAbsoluteTtl(ttl);
  const absolute = parseSeconds(sessionAbsoluteTtl, "sessionAbsoluteTtl");
  if (absolute < ttl) {
    throw new TypeError(
      `Expected \`sessionAbsoluteTtl\` to be at least \`sessionTtl\` (${ttl / 1_000} s), got ${show(sessionAbsoluteTtl)}`,
    );
  }
  return absolute;
}

function checkName(name: unknown, option: string): string {
  if (typeof name !== "string" || name === "") {
    throw new TypeError(`Expected \`${option}\` to be a string that is not empty, got ${show(name)}`);
  }
  return name;
}
