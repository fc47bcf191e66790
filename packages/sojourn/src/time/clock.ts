/** Where instants come from. Everything that judges time takes one, so that a test can move it. */
export interface Clock {
  /** The current instant, in whole epoch milliseconds. */
  now(): number;
}

/**
 * The machine's clock.
 *
 * @example
 * ```ts
 * import { createSessions, systemClock } from "sojourn";
 *
 * const sessions = createSessions({ clock: systemClock }); // the default
 * console.log(sessions.create("ann").createdAt <= systemClock.now()); // true
 * ```
 */
export const systemClock: Clock = Object.freeze({ now: Date.now });
