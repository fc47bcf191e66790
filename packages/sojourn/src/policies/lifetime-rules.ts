/** Rules about lifetimes, the number of sessions, and how long a replaced token works. */
import type { Policy } from "../sessions/options.ts";
import { showDuration } from "../time/duration.ts";
import { type Profile, type Rule, type Severity } from "./rule.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

interface Limit {
  readonly requirement: string;
  readonly severity: Severity;
  readonly profile: Profile;
  readonly most: number;
}

const IDLE_LIMITS: readonly Limit[] = [
  { requirement: "OWASP cheat sheet, Session Expiration", severity: "should", profile: "owasp", most: 30 * MINUTE },
  { requirement: "NIST 800-63B-4 2.2.3", severity: "should", profile: "nistAal2", most: HOUR },
  { requirement: "NIST 800-63B-4 2.3.3", severity: "should", profile: "nistAal3", most: 15 * MINUTE },
];

const ABSOLUTE_LIMITS: readonly Limit[] = [
  { requirement: "OWASP cheat sheet, Session Expiration", severity: "should", profile: "owasp", most: 8 * HOUR },
  { requirement: "NIST 800-63B-4 2.1.3", severity: "should", profile: "nistAal1", most: 30 * DAY },
  { requirement: "NIST 800-63B-4 2.2.3", severity: "should", profile: "nistAal2", most: DAY },
  { requirement: "NIST 800-63B-4 2.3.3", severity: "must", profile: "nistAal3", most: 12 * HOUR },
];

export const lifetimeRules: readonly Rule[] = [
  {
    requirement: "ASVS 7.3.1",
    severity: "must",
    profiles: ["owasp"],
    what: "an inactivity timeout",
    expected: "a ttl, or a lockAfter, shorter than absoluteTtl",
    advice: 'Set `ttl` below `absoluteTtl`, for example "30m"',
    violation({ policy }) {
      const { absoluteTtl } = policy;
      return idle(policy) < absoluteTtl ? undefined : `ttl and absoluteTtl are both ${showDuration(absoluteTtl)}`;
    },
  },
  {
    requirement: "ASVS 7.3.2",
    severity: "must",
    profiles: ["owasp"],
    what: "an absolute lifetime that fits the risk; longer than any NIST limit has to be justified (7.1.1)",
    expected: "an absoluteTtl of at most 30d, the longest of NIST SP 800-63B-4",
    advice: 'Set `absoluteTtl`, for example "8h"',
    violation: ({ policy }) => above(policy.absoluteTtl, 30 * DAY, "absoluteTtl"),
  },
  ...IDLE_LIMITS.map(({ requirement, severity, profile, most }): Rule => ({
    requirement,
    severity,
    profiles: [profile],
    what: "the inactivity timeout",
    expected: `a ttl, or a lockAfter, of at most ${showDuration(most)}`,
    advice: `Set \`ttl\` or \`lockAfter\`, or start from the preset \`${profile}\``,
    violation: ({ policy }) => above(idle(policy), most, policy.lockAfter === undefined ? "ttl" : "lockAfter"),
  })),
  ...ABSOLUTE_LIMITS.map(({ requirement, severity, profile, most }): Rule => ({
    requirement,
    severity,
    profiles: [profile],
    what: "the overall timeout",
    expected: `an absoluteTtl of at most ${showDuration(most)}`,
    advice: `Set \`absoluteTtl\`, or start from the preset \`${profile}\``,
    violation: ({ policy }) => above(policy.absoluteTtl, most, "absoluteTtl"),
  })),
  {
    requirement: "NIST 800-63B-4 5.2",
    severity: "must",
    what: "activity resets the inactivity timeout",
    expected: "a refreshThreshold above 0",
    advice: "Leave `refreshThreshold` out: an authentication then extends, at most once a minute",
    violation: ({ policy }) =>
      threshold(policy) === 0 ? "refreshThreshold is 0: nothing is ever extended" : undefined,
  },
  {
    requirement: "NIST 800-63B-4 5.2",
    severity: "should",
    what: "activity resets the inactivity timeout",
    expected: "a refreshThreshold of at least half the ttl",
    advice: "Leave `refreshThreshold` out, or raise it: activity before it is not noted, so that time is lost",
    violation({ policy }) {
      const set = threshold(policy);
      if (set === undefined || set === 0 || set >= policy.ttl / 2) return undefined;
      return `refreshThreshold is ${showDuration(set)}: a user can be logged out after so little inactivity, not ${showDuration(policy.ttl)}`;
    },
  },
  {
    requirement: "ASVS 7.2.4",
    severity: "should",
    what: "a new token ends the one that it replaces",
    expected: "a rotationGrace of at most 60 s, enough for requests under way",
    advice: 'Leave `rotationGrace` at "10s"',
    violation: ({ policy }) => above(policy.rotationGrace, MINUTE, "rotationGrace"),
  },
  {
    requirement: "ASVS 7.1.2",
    severity: "should",
    what: "how many sessions a user may have at once, and what happens beyond that, is decided",
    expected: "maxPerUser",
    advice: 'Set `maxPerUser`, for example `{ limit: 10, onLimit: "evict-oldest" }`',
    violation: ({ policy }) => (policy.maxPerUser === undefined ? "no limit" : undefined),
  },
];

function above(value: number, most: number, name: string): string | undefined {
  return value > most ? `${name} is ${showDuration(value)}` : undefined;
}

/** After how long without activity a session cannot be used any more. */
function idle({ ttl, lockAfter }: Policy): number {
  return Math.min(ttl, lockAfter ?? ttl);
}

/** The threshold, where it decides which activity is noted: not where sessions lock, nor where there is no idle lifetime. */
function threshold({ refreshThreshold, lockAfter, ttl, absoluteTtl }: Policy): number | undefined {
  return lockAfter !== undefined || ttl >= absoluteTtl ? undefined : refreshThreshold;
}
