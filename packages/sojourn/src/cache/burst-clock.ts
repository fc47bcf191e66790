/**
 * The machine's clock, read less often in tight loops.
 *
 * `Date.now()` takes about as long as two look-ups in a Map. In a loop that asks thousands of times a millisecond, most
 * readings say what the one before said. So once {@link STREAK} readings in a row have given the same millisecond, the
 * next {@link SHARED} calls get that reading without a new one, but only within the same stretch of code: a microtask
 * forgets it as soon as the stretch ends. There is no timer, nothing that could keep a process alive, and nothing is
 * carried over an `await` or from one event to the next.
 *
 * What is promised: what this returns was read in the running stretch of synchronous code, at most 64 calls ago, and
 * only if the calls before that came many to the millisecond. Code that asks less often gets a reading for every call.
 *
 * When `Date` or `Date.now` has been replaced, as fake timers do, each call asks the replacement.
 */
import type { Clock } from "../time/clock.ts";

const STREAK = 8;
const SHARED = 63;

const OriginalDate = Date;
const originalNow = Date.now;
/** A replacement may have been there before this file was loaded. */
const isNative = /\[native code\]/.test(Function.prototype.toString.call(originalNow));

/** The clock of a cache that is given none. */
export class BurstClock implements Clock {
  #instant = 0;
  #shared = 0;
  #streak = 0;
  #forgetting = false;

  now(): number {
    if (this.#shared > 0 && Date === OriginalDate && Date.now === originalNow) {
      this.#shared--;
      return this.#instant;
    }
    return this.#read();
  }

  #read(): number {
    const instant = Date.now();
    if (instant !== this.#instant) {
      this.#instant = instant;
      this.#streak = 0;
      this.#shared = 0;
    } else if (++this.#streak >= STREAK && isNative && Date.now === originalNow) {
      this.#shared = SHARED;
      if (!this.#forgetting) {
        this.#forgetting = true;
        void Promise.resolve().then(this.#forget);
      }
    }
    return instant;
  }

  readonly #forget = (): void => {
    this.#forgetting = false;
    this.#shared = 0;
    this.#streak = 0;
  };
}
