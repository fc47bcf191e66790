/**
 * The one timer of what is watched, and how long the process has waited for an answer.
 *
 * Waiting counts only as far as the process could have heard an answer: up to when a beat was due, not how late it came.
 * One that was stopped for half a minute has to ask first; that it could not ask meanwhile does not mean that the store
 * does not answer. While one is waited for, beats are due at short pauses (`LISTENING`): a process that computes for 200 ms
 * at a time hears only between two of them, and an answer may take several such turns.
 */
import type { Timer } from "../../time/timer.ts";

export interface Pulse {
  /** For how many milliseconds the process has waited, in this sense, since some instant. */
  readonly waited: number;
  /** Has the next beat come within so many milliseconds; begins to beat, if it does not. */
  within(delay: number): void;
  stop(): void;
}

/** The longest pause between two beats, in milliseconds: so much later it is noticed that the date was set forward. */
const LONGEST_PAUSE = 1_000;
/** The longest pause while an answer is waited for, in milliseconds. */
export const LISTENING = 25;

/** @param beat what is done, and in how many milliseconds it is to be done again; `undefined` for not at all */
export function pulse(timer: Timer, beat: () => number | undefined): Pulse {
  let waited = 0;
  let countedAt = timer.elapsed();
  let dueAt = Number.POSITIVE_INFINITY;
  let callOff: (() => void) | undefined;

  function count(): void {
    const now = timer.elapsed();
    waited += Math.max(0, Math.min(now, dueAt) - countedAt);
    countedAt = now;
  }

  function run(): void {
    callOff = undefined;
    count();
    dueAt = Number.POSITIVE_INFINITY;
    const delay = beat();
    if (delay !== undefined) within(delay);
  }

  function within(delay: number): void {
    const now = timer.elapsed();
    // While nothing beat, nobody waited.
    if (callOff === undefined && dueAt === Number.POSITIVE_INFINITY) countedAt = Math.max(countedAt, now);
    const pause = Math.min(Math.max(delay, 0), LONGEST_PAUSE);
    if (now + pause >= dueAt) return;
    callOff?.();
    dueAt = now + pause;
    callOff = timer.after(Math.ceil(pause), run, { background: true });
  }

  return {
    get waited() {
      return waited;
    },
    within,
    stop() {
      callOff?.();
      callOff = undefined;
      dueAt = Number.POSITIVE_INFINITY;
    },
  };
}
