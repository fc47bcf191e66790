/**
 * Removes what has expired while somebody hears all ends, so that they are told near its time: a session that nobody
 * watches has no deadline here, and a store tells of its end when it is removed. Of all processes one removes it.
 */
import type { Store } from "../../store/store.ts";
import type { Clock } from "../../time/clock.ts";
import type { Timer } from "../../time/timer.ts";
import { reportEnds, type EventHub } from "../events.ts";

/** How many are removed at once. */
const SLICE = 250;
/** How many times in a row at most, with a turn for everybody else in between; then it waits as else. */
const MOST_SLICES = 64;
/** Between two sweeps, in milliseconds. */
const PAUSE = 1_000;

export interface ExpirySweepOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: EventHub<never>;
  readonly timer: Timer;
  /** Whether anybody hears all ends. */
  readonly isWanted: () => boolean;
}

/** @returns what sweeps if somebody wants it and the last time is long enough ago; call it at each beat */
export function expirySweep({ store, clock, events, timer, isWanted }: ExpirySweepOptions): () => void {
  let isSweeping = false;
  let dueAt = Number.NEGATIVE_INFINITY;

  async function sweep(): Promise<void> {
    for (let slices = 1; isWanted(); slices++) {
      const now = clock.now();
      const heads = await store.sweep(now, SLICE);
      reportEnds(events, heads, now, "evicted");
      if (heads.length < SLICE || slices === MOST_SLICES) return;
      await new Promise<void>((resolve) => timer.after(0, resolve, { background: true }));
    }
  }

  return () => {
    if (isSweeping || !isWanted() || timer.elapsed() < dueAt) return;
    isSweeping = true;
    dueAt = timer.elapsed() + PAUSE;
    sweep()
      // A store that fails is swept the next time.
      .catch(() => undefined)
      .finally(() => (isSweeping = false));
  };
}
