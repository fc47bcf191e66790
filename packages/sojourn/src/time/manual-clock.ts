import type { Clock } from "./clock.ts";
import { parseDuration, type Duration } from "./duration.ts";

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves forward by a duration (milliseconds, or a string such as `"30m"`). Returns the new instant. */
  advance(by: Duration): number;
  /** Jumps to an instant (epoch milliseconds), forward or back: clocks do both. Returns it. */
  set(to: number): number;
}

/**
 * A clock for tests.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { manualClock } from "sojourn/testing";
 *
 * const clock = manualClock();
 * const sessions = createSessions({ ttl: "30m", clock });
 * const { token } = sessions.create("ann");
 * clock.advance("30m");
 * console.log(sessions.authenticate(token)); // undefined
 * ```
 * @param start where it stands at first, in epoch milliseconds; by default 2026-01-01T00:00:00Z
 * @throws TypeError if an instant is not a safe integer, or a duration is not one
 */
export function manualClock(start: number = Date.UTC(2026, 0, 1)): ManualClock {
  let instant = checkInstant(start);
  return {
    now: () => instant,
    advance: (by) => (instant = checkInstant(instant + parseDuration(by, "by", { zero: true }))),
    set: (to) => (instant = checkInstant(to)),
  };
}

function checkInstant(value: number): number {
  if (!Number.isSafeInteger(value)) {
    throw new TypeError(`Expected an instant in whole epoch milliseconds, got ${String(value)}`);
  }
  return value;
}
