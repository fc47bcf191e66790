import { setImmediate } from "node:timers/promises";
import type { Mode, Sessions } from "sojourn";
import { describeError, type Log } from "../http/log.ts";

/** Options of {@link startCleanup}. */
export interface CleanupOptions {
  readonly sessions: Pick<Sessions<Record<string, unknown>, Mode>, "cleanup">;
  readonly log: Log;
  /** Milliseconds from the end of one round to the beginning of the next. @default 5,000 */
  readonly interval?: number;
  /** How many sessions one slice removes at most: few enough not to be felt by the requests in between. @default 250 */
  readonly limit?: number;
}

/** A loop that can be stopped. */
export interface CleanupLoop {
  /** Resolves when no slice runs any more. */
  stop(): Promise<void>;
}

/** Reclaims the space of expired sessions, a slice at a time, and lets requests in between two slices. */
export function startCleanup(options: CleanupOptions): CleanupLoop {
  const { sessions, log, interval = 5_000, limit = 250 } = options;
  const state = { stopped: false };
  let round = Promise.resolve();

  const clean = async (): Promise<void> => {
    try {
      while (!state.stopped && (await sessions.cleanup({ limit })) >= limit) await setImmediate();
    } catch (error) {
      // Nothing depends on this round: what has expired reads as absent in any case.
      log.warn({ error: describeError(error) }, "the cleanup of expired sessions failed");
    }
    if (!state.stopped) timer = schedule();
  };
  // The next round is set only when one has ended, so that they never overlap.
  const schedule = (): NodeJS.Timeout =>
    setTimeout(() => {
      round = clean();
    }, interval).unref();
  let timer = schedule();

  return {
    stop: () => {
      state.stopped = true;
      clearTimeout(timer);
      return round;
    },
  };
}
