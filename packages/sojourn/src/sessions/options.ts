/** Options of `createSessions`, resolved once. Every default is in this file. */
import { checkOptions, type OptionNames } from "../options.ts";
import { show } from "../show.ts";
import type { Mode } from "../store/reply.ts";
import type { Begun, Store } from "../store/store.ts";
import { systemClock, type Clock } from "../time/clock.ts";
import { parseGrace, parseLifetime, showDuration, type Duration } from "../time/duration.ts";
import type { EndsOptions } from "./ends/ends-options.ts";
import type { Requirements } from "./requirements.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** Options of `createSessions`. */
export interface SessionsOptions<Data, M extends Mode> {
  /** Where sessions are kept. @default memoryStore() */
  readonly store?: Store<M>;
  /**
   * Idle lifetime: how long a session lives unless it is extended. A string such as `"30m"`, or at least 60,000
   * milliseconds: a smaller number would be seconds by mistake. So it is for all lifetimes and `lockAfter`; for
   * `refreshThreshold` and `rotationGrace` the least number is 1,000, beside 0. @default "30m"
   */
  readonly ttl?: Duration;
  /**
   * The lifetime that no activity extends. At least `ttl`. `Infinity` for none, which is kept as a thousand years.
   * @default "30d"
   */
  readonly absoluteTtl?: Duration;
  /**
   * Idle lifetime of a session without a user, which anybody can start. At most `ttl`.
   * @default "1h", or `ttl` if that is less
   */
  readonly anonymousTtl?: Duration;
  /**
   * An authentication of a session with less than this left extends it; 0 never does. At most `ttl`.
   * @default ttl - min(60 s, ttl / 10), of each session's own ttl: at most one write a minute
   */
  readonly refreshThreshold?: Duration;
  /**
   * A session that was idle for so long is locked: `authenticate` answers `undefined` for it, unless it is asked with
   * `allowLocked`, until `reauthenticate` (NIST SP 800-63B-4, 2.2.3). It still lives. At most `ttl`. @default never
   */
  readonly lockAfter?: Duration;
  /** For how long a token still works after a rotation has replaced it; 0 for not at all. @default "10s" */
  readonly rotationGrace?: Duration;
  /** How many live sessions a user may have, and what a login beyond that does. @default no limit */
  readonly maxPerUser?: MaxPerUser;
  /**
   * Validates data, and may transform it, before anything is stored. `create` takes its input; what it puts out is
   * JSON, and is input of it as well, because `update` validates the whole again. @default anything that is JSON
   */
  readonly schema?: StandardSchema<Data>;
  /** The largest data, in characters of JSON. @default 1,048,576 */
  readonly maxDataLength?: number;
  /** The same for a session without a user. @default 16,384, or `maxDataLength` if that is less */
  readonly maxAnonymousDataLength?: number;
  /**
   * How many tokens the process remembers at most, of those that let somebody in: the next time, each costs no SHA-256. The
   * store is asked as ever, and what is remembered counts only with the very entry whose hash it had. 0 for none: then no
   * token stays in the process's memory longer than its request. At most 10,000,000. @default 10,000
   */
  readonly tokenCache?: number;
  /** What the store has to guarantee; a store that does not is refused. @default nothing */
  readonly require?: Requirements;
  /** How soon it is told that sessions have ended, and what happens while that cannot be known: for `signal` and `watch`. */
  readonly ends?: EndsOptions;
  /** Where instants come from. @default systemClock */
  readonly clock?: Clock;
  /**
   * Told what a listener threw, or rejected with; the call that the event is about is not harmed.
   * @default it is thrown again in a promise of its own, which the runtime reports as an unhandled rejection; so is what this throws
   */
  readonly onListenerError?: (error: unknown) => void;
}

/** A cap on the live sessions of one user. */
export interface MaxPerUser {
  /** 1 or more. */
  readonly limit: number;
  /**
   * `"reject"` refuses the login (`too_many_sessions`), and of several in one moment perhaps all; `"evict-oldest"` ends the
   * oldest session for it.
   */
  readonly onLimit: "reject" | "evict-oldest";
}

/** Options of `create`. */
export interface CreateOptions {
  /** This session's own idle lifetime. @default the manager's: `ttl`, or `anonymousTtl` without a user */
  readonly ttl?: Duration;
  /** This session's own absolute lifetime. @default the manager's */
  readonly absoluteTtl?: Duration;
  /** A token that the caller brings: 1 to 128 characters. A live session under it ends (`replaced`). */
  readonly token?: string;
  /**
   * When the login began, from `begin` of the same manager: a `destroyByUser` that was called after it refuses the
   * session. At most 30 minutes ago. @default when `create` is called
   */
  readonly begun?: Begun;
  /** Where it is started from. */
  readonly device?: { readonly ip?: string | undefined; readonly userAgent?: string | undefined };
}

/** Options of `authenticate`. */
export interface AuthenticateOptions {
  /** `false` looks without extending. @default true */
  readonly extend?: boolean;
  /** `true` gets a locked session as well, marked `locked` and not extended. @default false */
  readonly allowLocked?: boolean;
}

/** Options of `rotate`. */
export interface RotateOptions {
  /** For how long the old token still works; 0, at a login or a change of privilege, for not at all. @default `rotationGrace` */
  readonly grace?: Duration;
}

/** Options of `destroy`. */
export interface DestroyOptions {
  /** What is reported: `"replaced"` where a login has taken the session's place. @default "logout" */
  readonly reason?: "logout" | "replaced";
}

/** Options of `reauthenticate`. */
export interface ReauthenticateOptions {
  /** For how long the step-up counts. @default "5m" */
  readonly for?: Duration;
  /** `true` gives the session a new token in the same write; then the token is passed in place of the id. @default false */
  readonly rotate?: boolean;
}

/** The resolved options that the rules look at. All durations are in milliseconds. */
export interface Policy {
  readonly ttl: number;
  readonly absoluteTtl: number;
  readonly anonymousTtl: number;
  /** `undefined` for the default, which depends on a session's own ttl. */
  readonly refreshThreshold: number | undefined;
  /** `undefined` where sessions never lock. */
  readonly lockAfter: number | undefined;
  readonly rotationGrace: number;
  readonly maxPerUser: MaxPerUser | undefined;
  readonly maxDataLength: number;
  readonly maxAnonymousDataLength: number;
  readonly tokenCache: number;
  readonly clock: Clock;
}

/** An hour. */
const ANONYMOUS_TTL = 3_600_000;
const MAX_ANONYMOUS_DATA_LENGTH = 16_384;
const MAX_TOKEN_CACHE = 10_000_000;

const SESSIONS_OPTIONS: OptionNames<SessionsOptions<never, Mode>> = {
  store: true,
  ttl: true,
  absoluteTtl: true,
  anonymousTtl: true,
  refreshThreshold: true,
  lockAfter: true,
  rotationGrace: true,
  maxPerUser: true,
  schema: true,
  maxDataLength: true,
  maxAnonymousDataLength: true,
  tokenCache: true,
  require: true,
  ends: true,
  clock: true,
  onListenerError: true,
};
const MAX_PER_USER: OptionNames<MaxPerUser> = { limit: true, onLimit: true };
const CREATE_OPTIONS: OptionNames<CreateOptions> = {
  ttl: true,
  absoluteTtl: true,
  token: true,
  begun: true,
  device: true,
};

/** @throws TypeError for an option that is not known, or not what it should be */
export function resolvePolicy(options: SessionsOptions<never, Mode>): Policy {
  checkOptions("createSessions", options, SESSIONS_OPTIONS);
  const ttl = parseLifetime(options.ttl ?? "30m", "ttl");
  const absoluteTtl = parseLifetime(options.absoluteTtl ?? "30d", "absoluteTtl", { endless: true });
  checkOrder(ttl, absoluteTtl);
  const anonymousTtl =
    options.anonymousTtl === undefined
      ? Math.min(ttl, ANONYMOUS_TTL)
      : parseLifetime(options.anonymousTtl, "anonymousTtl");
  const { refreshThreshold, lockAfter } = options;
  const threshold = refreshThreshold === undefined ? undefined : parseGrace(refreshThreshold, "refreshThreshold");
  const lock = lockAfter === undefined ? undefined : parseLifetime(lockAfter, "lockAfter");
  for (const [name, duration] of Object.entries({ refreshThreshold: threshold, lockAfter: lock, anonymousTtl })) {
    if (duration !== undefined && duration > ttl) {
      throw new TypeError(
        `Expected \`${name}\` to be at most \`ttl\` (${showDuration(ttl)}), got ${showDuration(duration)}`,
      );
    }
  }
  const maxDataLength = resolveLength(options.maxDataLength ?? 1_048_576, "maxDataLength");
  const clock = options.clock ?? systemClock;
  if (typeof clock.now !== "function")
    throw new TypeError(`Expected \`clock\` to have a \`now()\`, got ${show(clock)}`);
  return Object.freeze({
    ttl,
    absoluteTtl,
    anonymousTtl,
    refreshThreshold: threshold,
    lockAfter: lock,
    rotationGrace: parseGrace(options.rotationGrace ?? "10s", "rotationGrace"),
    maxPerUser: resolveMaxPerUser(options.maxPerUser),
    maxDataLength,
    maxAnonymousDataLength:
      options.maxAnonymousDataLength === undefined
        ? Math.min(maxDataLength, MAX_ANONYMOUS_DATA_LENGTH)
        : resolveLength(options.maxAnonymousDataLength, "maxAnonymousDataLength"),
    tokenCache: resolveTokenCache(options.tokenCache ?? 10_000),
    clock,
  });
}

/**
 * The lifetimes of one session: its own where `create` was given them.
 *
 * @throws TypeError as `resolvePolicy` does
 */
export function resolveLifetimes(
  options: CreateOptions,
  isAnonymous: boolean,
  policy: Policy,
): Pick<Policy, "ttl" | "absoluteTtl"> {
  checkOptions("create", options, CREATE_OPTIONS);
  const { ttl: ownTtl, absoluteTtl: ownAbsoluteTtl } = options;
  const absoluteTtl =
    ownAbsoluteTtl === undefined ? policy.absoluteTtl : parseLifetime(ownAbsoluteTtl, "absoluteTtl", { endless: true });
  const usual = isAnonymous ? Math.min(policy.anonymousTtl, absoluteTtl) : policy.ttl;
  const ttl = ownTtl === undefined ? usual : parseLifetime(ownTtl, "ttl");
  checkOrder(ttl, absoluteTtl);
  return { ttl, absoluteTtl };
}

function checkOrder(ttl: number, absoluteTtl: number): void {
  if (ttl > absoluteTtl) {
    const most = `\`absoluteTtl\` (${showDuration(absoluteTtl)})`;
    throw new TypeError(`Expected \`ttl\` to be at most ${most}, got ${showDuration(ttl)}`);
  }
}

function resolveMaxPerUser(max: MaxPerUser | undefined): MaxPerUser | undefined {
  if (max === undefined) return undefined;
  checkOptions("maxPerUser", max, MAX_PER_USER);
  const { limit, onLimit } = max;
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new TypeError(`Expected \`maxPerUser.limit\` to be 1 or more, got ${show(limit)}`);
  }
  if (onLimit !== "reject" && onLimit !== "evict-oldest") {
    throw new TypeError(`Expected \`maxPerUser.onLimit\` to be "reject" or "evict-oldest", got ${show(onLimit)}`);
  }
  return Object.freeze({ limit, onLimit });
}

function resolveTokenCache(max: number): number {
  if (!Number.isSafeInteger(max) || max < 0 || max > MAX_TOKEN_CACHE) {
    throw new TypeError(`Expected \`tokenCache\` to be 0 to 10,000,000 tokens, got ${show(max)}`);
  }
  return max;
}

function resolveLength(length: number, name: string): number {
  if (!Number.isSafeInteger(length) || length < 2) {
    throw new TypeError(`Expected \`${name}\` to be 2 or more characters, got ${show(length)}`);
  }
  return length;
}
