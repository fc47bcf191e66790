/** Processes with a manager each, whose time the test moves. */
import { createSessions } from "../../../../src/sessions/create-sessions.ts";
import { SessionEndedError, type SessionEnd } from "../../../../src/sessions/ends/session-end.ts";
import type { EndsOptions } from "../../../../src/sessions/ends/ends-options.ts";
import type { SessionsOptions } from "../../../../src/sessions/options.ts";
import type { Sessions } from "../../../../src/sessions/sessions.ts";
import type { Mode } from "../../../../src/store/reply.ts";
import type { Store } from "../../../../src/store/store.ts";
import { manualClock, type ManualClock } from "../../../../src/time/manual-clock.ts";
import { manualTimer } from "../../../../src/time/manual-timer.ts";
import { parseDuration, type Duration } from "../../../../src/time/duration.ts";
import type { Timer } from "../../../../src/time/timer.ts";

/** The time of a machine: a date, and what measures time as it passes. */
export interface Time {
  /** Goes on with the timer. What moves it by itself sets the date. */
  readonly clock: ManualClock;
  readonly timer: Timer;
  /** How many timers run. */
  readonly waiting: number;
  /** Lets time pass, and all that follows from it happen. */
  pass(by: Duration): Promise<void>;
  /** Time passes, and no process runs meanwhile. */
  stop(by: Duration): void;
  /** The process computes for so long; what was due meanwhile runs late, before anything is heard from outside. */
  compute(by: Duration): void;
}

export function time(): Time {
  const date = manualClock();
  const timer = manualTimer();
  let stopped = 0;
  let computedUntil = 0;
  const onTime = (): number => timer.elapsed() + stopped;
  const elapsed = (): number => Math.max(onTime(), computedUntil);
  return {
    clock: {
      now: () => date.now() + Math.floor(elapsed()),
      advance: (by) => date.advance(by) + Math.floor(elapsed()),
      set: (to) => date.set(to - Math.floor(elapsed())) + Math.floor(elapsed()),
    },
    timer: { elapsed, after: (delay, run) => timer.after(delay + elapsed() - onTime(), run) },
    get waiting() {
      return timer.waiting;
    },
    async pass(by) {
      const until = timer.elapsed() + parseDuration(by, "by", { zero: true });
      // In steps: what an answer brings about has to have its time.
      for (let left = until - timer.elapsed(); left > 0; left = until - timer.elapsed()) {
        timer.advance(Math.min(left, 50));
        await flush();
      }
    },
    stop(by) {
      stopped += parseDuration(by, "by");
    },
    compute(by) {
      computedUntil = elapsed() + parseDuration(by, "by");
      timer.advance(by);
    },
  };
}

export interface Node {
  readonly store: Store;
  readonly sessions: Sessions<Record<string, unknown>, Mode>;
  /** The ends that were told in this process, as `id reason`, in order. */
  readonly told: string[];
}

/** One process with a manager on a store. */
export function node(
  store: Store,
  { clock, timer }: Time,
  options: Partial<SessionsOptions<never, Mode>> = {},
  ends: EndsOptions = {},
): Node {
  const all = { store, clock, ...options, ends: { timer, ...ends } };
  const sessions = createSessions(all as SessionsOptions<Record<string, unknown>, Mode> & { readonly store: Store });
  return { store, sessions, told: [] };
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
