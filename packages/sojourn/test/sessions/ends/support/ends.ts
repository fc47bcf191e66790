/** Managers whose ends are watched, with a clock and a timer that the test moves. */
import { createSessions } from "../../../../src/sessions/create-sessions.ts";
import type { SessionEnd } from "../../../../src/sessions/ends/session-end.ts";
import { SessionEndedError } from "../../../../src/sessions/ends/session-end.ts";
import type { EndsOptions } from "../../../../src/sessions/ends/ends-options.ts";
import type { SessionsOptions } from "../../../../src/sessions/options.ts";
import type { Sessions } from "../../../../src/sessions/sessions.ts";
import type { Mode } from "../../../../src/store/reply.ts";
import type { Store } from "../../../../src/store/store.ts";
import { manualClock, type ManualClock } from "../../../../src/time/manual-clock.ts";
import { manualTimer, type ManualTimer } from "../../../../src/time/manual-timer.ts";
import type { Duration } from "../../../../src/time/duration.ts";
import { parseDuration } from "../../../../src/time/duration.ts";

export interface Node {
  readonly store: Store;
  readonly sessions: Sessions<Record<string, unknown>, Mode>;
  readonly clock: ManualClock;
  readonly timer: ManualTimer;
  /** The ends that were told in this process, as `id reason`, in order. */
  readonly told: string[];
  /** Lets time pass on the clock and the timer alike, and all that follows from it happen. */
  pass(by: Duration): Promise<void>;
}

/** One process with a manager on a store. */
export function node(store: Store, options: Partial<SessionsOptions<never, Mode>> = {}, ends: EndsOptions = {}): Node {
  const clock = (options.clock as ManualClock | undefined) ?? manualClock();
  const timer = manualTimer();
  const sessions = createSessions({ store, clock, ...options, ends: { timer, ...ends } } as SessionsOptions<
    Record<string, unknown>,
    Mode
  > & { readonly store: Store });
  return {
    store,
    sessions,
    clock,
    timer,
    told: [],
    async pass(by) {
      const until = timer.elapsed() + parseDuration(by, "by", { zero: true });
      // In steps, as the timer of a machine goes: what an answer brings about has to have its time.
      for (let left = until - timer.elapsed(); left > 0; left = until - timer.elapsed()) {
        const step = Math.min(left, 50);
        clock.advance(step);
        timer.advance(step);
        await flush();
      }
    },
  };
}

/** Lets everything go on that waits for nothing but its turn. */
export async function flush(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  await new Promise((resolve) => setImmediate(resolve));
}

/** The reason for which a signal was aborted; `undefined` if it was not. */
export function reasonOf(signal: AbortSignal): string | undefined {
  if (!signal.aborted) return undefined;
  const { reason } = signal as { readonly reason: unknown };
  if (!(reason instanceof SessionEndedError)) throw new TypeError(`Aborted with ${String(reason)}`);
  return reason.reason;
}

export function textOf({ id, reason }: Pick<SessionEnd, "id" | "reason">): string {
  return `${id} ${reason}`;
}
