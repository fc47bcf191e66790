/**
 * How long ago something was, told by two clocks that fail in different ways. One that is never set back may stand
 * still while the machine sleeps. The machine's date goes on then, but can be set forward or back. So of the two, the
 * longer time counts; and where the date has lost time against the other, it was set back, and cannot tell any more
 * whether the machine slept.
 */
import type { Clock } from "./clock.ts";
import type { Timer } from "./timer.ts";

/** An instant by both clocks. */
export interface Moment {
  readonly elapsed: number;
  readonly at: number;
}

/** The date is told in whole milliseconds, and is slowed down or sped up a little to keep it right. */
const TOLERANCE = 20;

/** The present moment. */
export function moment(timer: Timer, clock: Clock): Moment {
  return { elapsed: timer.elapsed(), at: clock.now() };
}

/** Whether it is certain that less than `span` milliseconds lie between two moments. */
export function isWithin(span: number, from: Moment, to: Moment): boolean {
  const elapsed = to.elapsed - from.elapsed;
  const passed = to.at - from.at;
  return elapsed < span && passed < span && passed > elapsed - TOLERANCE;
}
