import { show } from "../show.ts";

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const SHAPE = /^(\d{1,15}(?:\.\d{1,9})?)(ms|s|m|h|d|w)$/;

/** Milliseconds, or a number with a unit: `"250ms"`, `"30s"`, `"30m"`, `"12h"`, `"30d"`, `"2w"`. */
export type Duration = number | `${number}${keyof typeof UNITS}`;

/** The longest duration that is accepted: a thousand years. No sum of instants can then leave the safe integers. */
export const LONGEST: number = 1_000 * 365 * UNITS.d;

/**
 * A duration in whole milliseconds.
 *
 * @param name what the message calls it
 * @param options.zero whether 0 is allowed; by default it is not
 * @param options.leastBare the least, beside 0, that a bare number may say: whoever writes less means seconds, as half of
 *   the ecosystem does; by default 1
 * @throws TypeError that names the option and shows what was given
 */
export function parseDuration(value: Duration, name: string, options: DurationOptions = {}): number {
  const { zero = false, leastBare = 1 } = options;
  if (typeof value === "number" && value > 0 && value < leastBare) {
    throw new TypeError(
      `Expected \`${name}\` to be a string such as ${leastBare < UNITS.m ? '"10s"' : '"30m"'}, or at least ${leastBare} milliseconds, got ${show(value)}`,
    );
  }
  const milliseconds = typeof value === "string" ? parseText(value) : value;
  if (!Number.isInteger(milliseconds) || milliseconds < (zero ? 0 : 1) || milliseconds > LONGEST) {
    const wanted = zero ? "a duration that is not negative" : "a positive duration";
    throw new TypeError(
      `Expected \`${name}\` to be ${wanted} (whole milliseconds, or a string such as "30m"), got ${show(value)}`,
    );
  }
  return milliseconds;
}

interface DurationOptions {
  readonly zero?: boolean;
  readonly leastBare?: number;
}

/**
 * For how long something of a session lasts, in whole milliseconds: minutes or more, and a duration that cannot be mistaken
 * for one in seconds.
 *
 * @param name what the message calls it
 * @param options.endless whether `Infinity` is allowed: it is kept as a thousand years, so that every instant stays a
 *   safe integer; by default it is not
 * @throws TypeError for what is not a duration, and for a bare number below a minute
 */
export function parseLifetime(value: Duration, name: string, options: { readonly endless?: boolean } = {}): number {
  if (options.endless === true && value === Number.POSITIVE_INFINITY) return LONGEST;
  return parseDuration(value, name, { leastBare: UNITS.m });
}

/**
 * A time within the life of a session, in whole milliseconds, which may be seconds, or 0 for none. It cannot be mistaken
 * for one in seconds either.
 *
 * @param name what the message calls it
 * @throws TypeError for what is not a duration, and for a bare number between 0 and a second
 */
export function parseGrace(value: Duration, name: string): number {
  return parseDuration(value, name, { zero: true, leastBare: UNITS.s });
}

/** A duration as one writes it, in the largest unit, up to days, that it is a whole number of: `30d`, `90m`, `1500 ms`. */
export function showDuration(milliseconds: number): string {
  const unit = (["d", "h", "m", "s"] as const).find((name) => milliseconds !== 0 && milliseconds % UNITS[name] === 0);
  return unit === undefined ? `${milliseconds} ms` : `${milliseconds / UNITS[unit]}${unit}`;
}

function parseText(text: string): number {
  const match = SHAPE.exec(text);
  if (match === null) return Number.NaN;
  // 0.1s is 100 ms, although 0.1 * 1000 need not be exact.
  return Math.round(Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] * 1e6) / 1e6;
}
