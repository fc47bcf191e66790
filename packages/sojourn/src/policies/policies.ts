/**
 * Lifetimes by the paragraph that asks for them: plain options, to be spread into those of `createSessions`.
 *
 * ```ts
 * const sessions = createSessions({ ...nistAal2, store });
 * ```
 *
 * They set only what a requirement has a number for. `doctor` lists what else a configuration lacks.
 *
 * The numbers of NIST SP 800-63B-4 are those of the final text (2025) as others quote it. Its second public draft was
 * read in whole and agrees in its structure; compare with the final PDF before claiming conformance.
 */
import type { Duration } from "../time/duration.ts";

/** Idle and absolute lifetime, as `createSessions` takes them. */
export interface LifetimePolicy {
  readonly ttl: Duration;
  readonly absoluteTtl: Duration;
}

/** The same for sessions that lock. */
export interface LockingPolicy extends LifetimePolicy {
  readonly lockAfter: Duration;
}

/**
 * OWASP: idle for at most 30 minutes, 8 hours in all.
 *
 * - `ttl`: ASVS 5.0 7.3.1 asks for an inactivity timeout and leaves its length to a risk analysis; the Session
 *   Management Cheat Sheet ("Session Expiration") names 15 to 30 minutes for low risk, 2 to 5 for high.
 * - `absoluteTtl`: ASVS 5.0 7.3.2 likewise; the cheat sheet names 4 to 8 hours for an application used all day.
 *
 * How many sessions a user may have (7.1.2) has no number anywhere: set `maxPerUser` yourself.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { owasp } from "sojourn/policies";
 *
 * const sessions = createSessions({ ...owasp });
 * console.log(sessions.policy.ttl > 0); // true
 * ```
 */
export const owasp: LifetimePolicy = Object.freeze({ ttl: "30m", absoluteTtl: "8h" });

/**
 * NIST SP 800-63B-4, AAL1: 30 days in all (2.1.3: a limit SHALL exist and SHOULD be no more than 30 days). An inactivity
 * timeout is not required, so `ttl` is as long: sessions end by their absolute lifetime only. OWASP asks for one.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { nistAal1 } from "sojourn/policies";
 *
 * const sessions = createSessions({ ...nistAal1 });
 * console.log(sessions.policy.ttl > 0); // true
 * ```
 */
export const nistAal1: LifetimePolicy = Object.freeze({ ttl: "30d", absoluteTtl: "30d" });

/**
 * NIST SP 800-63B-4, AAL2: locked after an hour of inactivity, 24 hours in all (2.2.3: an overall limit SHALL exist and
 * SHOULD be no more than 24 hours; an inactivity timeout SHOULD be no more than 1 hour).
 *
 * An idle session locks instead of ending, since 2.2.3 lets a user whose inactivity timeout alone has passed come back
 * with one factor and the session secret: `authenticate(token, { allowLocked: true })`, check the factor, then
 * `reauthenticate`. To end it instead, set `ttl: "1h"` and leave `lockAfter` out.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { nistAal2 } from "sojourn/policies";
 *
 * const sessions = createSessions({ ...nistAal2 });
 * console.log(sessions.policy.ttl > 0); // true
 * ```
 */
export const nistAal2: LockingPolicy = Object.freeze({ ttl: "24h", absoluteTtl: "24h", lockAfter: "1h" });

/**
 * NIST SP 800-63B-4, AAL3: idle for at most 15 minutes, 12 hours in all (2.3.3: an overall limit SHALL be no more than 12
 * hours; an inactivity timeout SHOULD be no more than 15 minutes). No lock: both factors are needed to come back.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { nistAal3 } from "sojourn/policies";
 *
 * const sessions = createSessions({ ...nistAal3 });
 * console.log(sessions.policy.ttl > 0); // true
 * ```
 */
export const nistAal3: LifetimePolicy = Object.freeze({ ttl: "15m", absoluteTtl: "12h" });
