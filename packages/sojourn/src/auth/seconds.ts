/** Durations in seconds, as these calls take them, in the milliseconds of a manager. */
import { show } from "../show.ts";

/** A thousand years: no sum of instants can then leave the safe integers. */
const LONGEST = 1_000 * 365 * 86_400;

/**
 * A number of seconds, in milliseconds.
 *
 * @param name what the message calls it
 * @param options.zero whether 0 is allowed; by default it is not
 * @param options.whole whether it has to be whole; by default it may have a fraction, down to a millisecond
 * @throws TypeError that names the option and shows what was given
 */
export function parseSeconds(
  value: number,
  name: string,
  options: { readonly zero?: boolean; readonly whole?: boolean } = {},
): number {
  const milliseconds = typeof value === "number" ? Math.round(value * 1_000) : Number.NaN;
  const lowest = options.zero === true ? 0 : 1;
  const fits = milliseconds >= lowest && milliseconds <= LONGEST * 1_000 && value >= 0;
  if (!fits || (options.whole === true && !Number.isInteger(value))) {
    const sign = options.zero === true ? "not negative" : "positive";
    throw new TypeError(
      `Expected \`${name}\` to be a number of seconds that is ${sign}${options.whole === true ? " and whole" : ""}, got ${show(value)}`,
    );
  }
  return milliseconds;
}

/** The lifetime that no activity extends, in milliseconds, unless told otherwise. */
const DEFAULT_ABSOLUTE_TTL = 30 * 86_400_000;

/** The default absolute lifetime of sessions with a ttl, both in milliseconds. */
export function defaultAbsoluteTtl(ttl: number): number {
  return Math.max(DEFAULT_ABSOLUTE_TTL, ttl);
}
