import { parseDuration, type Duration } from "./duration.ts";
import type { Timer } from "./timer.ts";

/** A timer that stands still until it is moved. */
export interface ManualTimer extends Timer {
  /** Moves on by a duration (milliseconds, or a string such as `"200ms"`), and runs what is due, each at its time. */
  advance(by: Duration): void;
  /** How many are waited for. */
  readonly waiting: number;
}

interface Alarm {
  readonly due: number;
  readonly run: () => void;
}

/**
 * A timer for tests, at 0.
 *
 * @example
 * ```ts
 * import { createSessions } from "sojourn";
 * import { manualClock, manualTimer } from "sojourn/testing";
 *
 * const [clock, timer] = [manualClock(), manualTimer()];
 * const sessions = createSessions({ ttl: "30m", clock, ends: { timer } });
 * sessions.watch(sessions.create("ann").id, ({ reason }) => console.log(reason)); // expired-idle
 * clock.advance("30m");
 * timer.advance("1s");
 * ```
 */
export function manualTimer(): ManualTimer {
  let elapsed = 0;
  let alarms: readonly Alarm[] = [];

  function next(until: number): Alarm | undefined {
    const due = alarms.filter((alarm) => alarm.due <= until).sort((a, b) => a.due - b.due);
    return due[0];
  }

  return {
    elapsed: () => elapsed,
    after(delay, run) {
      const alarm = { due: elapsed + delay, run };
      alarms = [...alarms, alarm];
      return () => {
        alarms = alarms.filter((other) => other !== alarm);
      };
    },
    advance(by) {
      const until = elapsed + parseDuration(by, "by", { zero: true });
      for (let alarm = next(until); alarm !== undefined; alarm = next(until)) {
        const { due, run } = alarm;
        alarms = alarms.filter((other) => other !== alarm);
        elapsed = Math.max(elapsed, due);
        run();
      }
      elapsed = until;
    },
    get waiting() {
      return alarms.length;
    },
  };
}
