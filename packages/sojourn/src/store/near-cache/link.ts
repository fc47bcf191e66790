/**
 * Whether all that changed elsewhere has been told, up to a short time ago.
 *
 * A heartbeat asks the watch to prove it, again and again. When it has, what counts is the moment before it was asked:
 * all that was acknowledged up to then is known here. There is one question at a time, so that they never pile up
 * behind a link that hangs. While nobody asks for anything, the heartbeat rests.
 */
import { isWithin, type Moment } from "../../time/moment.ts";
import type { Timer } from "../../time/timer.ts";
import type { Watch } from "../store.ts";

/** The link to what others change. */
export interface Link {
  /** Whether all that was acknowledged up to `maxStale` before a moment has been told. */
  isFresh(now: Moment): boolean;
  close(): Promise<void>;
}

/** What a link is made of. */
export interface LinkOptions {
  readonly watch: Watch;
  /** In milliseconds. */
  readonly maxStale: number;
  readonly timer: Timer;
  readonly present: () => Moment;
  /**
   * Called when the link is proven for the first time, and again after it could not be: changes may have been missed
   * before, whether or not the watch says so.
   */
  readonly onProven: () => void;
}

/** How many heartbeats there are in `maxStale`, so that one may be lost or late. */
const BEATS = 3;
/** How long after a proof that failed the next one is asked for, at most, in milliseconds. */
const ASK_AGAIN_AFTER = 100;
/** For how long the heart goes on after the last question, in milliseconds. */
const REST_AFTER = 10_000;

export function link({ watch, maxStale, timer, present, onProven }: LinkOptions): Link {
  let confirmed: Moment | undefined;
  let isProven = false;
  let isBeating = false;
  let isClosed = false;
  let isAsked = false;
  let askedAt = 0;
  let callOff: (() => void) | undefined;

  async function beat(): Promise<void> {
    const before = present();
    if (isAsked) askedAt = before.elapsed;
    isAsked = false;
    if (before.elapsed - askedAt > REST_AFTER) {
      isBeating = false;
      return;
    }
    try {
      await watch.confirm();
      if (!isProven && !isClosed) onProven();
      isProven = true;
      confirmed = before;
    } catch {
      isProven = false;
    }
    if (isClosed) return;
    const took = timer.elapsed() - before.elapsed;
    const next = (): void => void beat();
    const pause = isProven ? maxStale / BEATS : Math.min(maxStale / BEATS, ASK_AGAIN_AFTER);
    callOff = timer.after(Math.max(pause - took, 0), next, { background: true });
  }

  return {
    isFresh(now) {
      isAsked = true;
      if (!isBeating && !isClosed) {
        isBeating = true;
        void beat();
      }
      return confirmed !== undefined && !isClosed && isWithin(maxStale, confirmed, now);
    },
    async close() {
      isClosed = true;
      callOff?.();
      await watch.close();
    },
  };
}
