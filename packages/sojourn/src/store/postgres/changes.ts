/**
 * What is changed and removed, read from the table of changes.
 *
 * Writers put a row there in the transaction that makes the change, once somebody watches. A follower does not remember a
 * position among them: transactions commit in another order than they get their numbers in, and it would pass over those
 * that are late. It remembers the *snapshot* of its last poll, which says of every transaction whether it could be seen.
 * What it has not told yet is then exactly what the next poll sees and that snapshot does not. So a poll that begins after
 * a change was acknowledged tells it, and that is what `confirm` does.
 *
 * That everything may have changed is told when the poll cannot know: the first time, if the server was started anew or
 * has crashed (transaction numbers are used again then), if the rows since the last poll were trimmed, or if they are too
 * many to be told one by one.
 */
import { StoreError } from "../../errors.ts";
import type { Timer } from "../../time/timer.ts";
import { fromStored } from "../stored-text.ts";
import { removalListeners } from "../removal-listeners.ts";
import type { Removed, Watch } from "../store.ts";
import type { Calls } from "./calls.ts";
import type { Row, Statement } from "./postgres-port.ts";
import { headIn, isYes } from "./rows.ts";
import { MOST_CHANGES, type StatementName } from "./statements.ts";

export interface ChangesOptions {
  readonly calls: Calls;
  readonly statements: Readonly<Record<StatementName, Statement>>;
  readonly namespace: string;
  readonly timer: Timer;
  /** For how long a watch waits for transactions that began before it, in milliseconds. */
  readonly deadline: number;
  /** How often it is asked what was removed while somebody waits for that, in milliseconds. */
  readonly maxLag: number;
}

export interface Changes {
  watch(onChange: (key: string | null) => void): Watch;
  watchRemovals(onRemoved: (removed: Removed | null) => void): Watch;
  /** Something was removed by this process: it need not wait for the next poll. */
  hurry(): void;
  close(): void;
}

/** What a poll has seen. */
interface Seen {
  readonly snapshot: string;
  /** When the server was started, and what that watch is called which began to have changes written down. */
  readonly run: string;
  readonly since: string | null;
  readonly xmin: number;
  readonly xmax: number;
  readonly isWhole: boolean;
  readonly isSettled: boolean;
  readonly rows: readonly Row[];
}

/** How often it is looked whether transactions that began before the watch are over, in milliseconds. */
const SETTLE_POLL = 5;
/** How much time there is between two polls, at least, if this process removes one session after the other. */
const HURRY = 10;
/** How often what is old is removed, in milliseconds. */
const TRIM_EVERY = 10_000;

export function followChanges(options: ChangesOptions): Changes {
  const { calls, statements, namespace, timer, deadline, maxLag } = options;
  const watches = new Set<(key: string | null) => void>();
  const removals = removalListeners();
  let last: Seen | undefined;
  let running: Promise<void> | undefined;
  let queued: Promise<void> | undefined;
  let trimmedAt = timer.elapsed();
  let polledAt = Number.NEGATIVE_INFINITY;
  let callOff: (() => void) | undefined;
  let isClosed = false;
  let isHurried = false;

  async function ask(giveUpAt: number): Promise<Seen> {
    const answer = await calls.run(statements.poll, [namespace, last?.snapshot ?? null], giveUpAt);
    const [, snapshot, started, since, xmin, xmax, run, isWhole, isSettled] =
      answer.find(([key]) => key === null) ?? [];
    const rows = answer.filter(([key]) => key !== null);
    return {
      snapshot: String(snapshot),
      run: `${String(started)} ${String(run)}`,
      since: typeof since === "string" ? since : null,
      xmin: Number(xmin),
      xmax: Number(xmax),
      isWhole: isYes(isWhole),
      isSettled: isYes(isSettled),
      rows,
    };
  }

  /** From when on everybody writes down what they change. */
  async function settle(giveUpAt: number): Promise<Seen> {
    let seen = await ask(giveUpAt);
    if (seen.since === null) {
      await calls.run(statements.watch, [namespace], giveUpAt);
      seen = await ask(giveUpAt);
    }
    const first = seen;
    while (!seen.isSettled && seen.xmin < first.xmax) {
      if (timer.elapsed() + SETTLE_POLL > giveUpAt) {
        throw new StoreError(
          "store_timeout",
          `A transaction that began before the watch has run for more than ${deadline} ms on the server`,
        );
      }
      await new Promise<void>((resolve) => void timer.after(SETTLE_POLL, resolve));
      seen = await ask(giveUpAt);
    }
    if (!seen.isSettled) await calls.run(statements.settle, [namespace, seen.since], giveUpAt);
    return seen;
  }

  async function poll(): Promise<void> {
    const before = last;
    polledAt = timer.elapsed();
    const giveUpAt = calls.giveUpAt();
    let seen = await ask(giveUpAt);
    if (seen.since === null || !seen.isSettled) {
      last = undefined;
      seen = await settle(giveUpAt);
    }
    last = seen;
    rest();
    const isWhole = before?.run === seen.run && seen.isWhole;
    if (isWhole && seen.rows.length <= MOST_CHANGES) tell(seen.rows);
    else tellMissed();
    trim();
  }

  function tell(rows: readonly Row[]): void {
    const keys = new Set(rows.map((row) => fromStored(String(row[0]))));
    for (const onChange of watches) for (const key of keys) onChange(key);
    if (!removals.isWatched) return;
    for (const row of rows) {
      // What was only changed has no head.
      if (row[2] !== null) removals.tell(Object.freeze({ head: Object.freeze(headIn(row)), note: String(row[7]) }));
    }
  }

  function tellMissed(): void {
    for (const onChange of watches) onChange(null);
    removals.tell(null);
  }

  /** Asks again and again, in the background, while somebody waits for removals. */
  function keepAsking(): void {
    if (callOff !== undefined || isClosed || !removals.isWatched) return;
    const left = Math.max(1, polledAt + maxLag - timer.elapsed());
    callOff = timer.after(
      left,
      () => {
        callOff = undefined;
        if (!removals.isWatched) return;
        // Who wants a proof asks for it, and is told what is wrong.
        if (timer.elapsed() - polledAt >= maxLag - 1)
          next()
            .catch(() => {})
            .finally(keepAsking);
        else keepAsking();
      },
      { background: true },
    );
  }

  /** A position that nobody needs any more would make the next one read all that was written meanwhile. */
  function rest(): void {
    if (watches.size > 0 || removals.isWatched) return;
    last = undefined;
    callOff?.();
    callOff = undefined;
  }

  function trim(): void {
    const now = timer.elapsed();
    if (now - trimmedAt < TRIM_EVERY) return;
    trimmedAt = now;
    const again = async (): Promise<void> => {
      const [row] = await calls.run(statements.trim, [namespace]);
      if (isYes(row?.[0])) await again();
    };
    // What is left is removed the next time, by whoever comes first.
    again().catch(() => {});
  }

  /** Polls once more: a poll that runs already has not seen what was acknowledged since it began. */
  async function next(): Promise<void> {
    if (running === undefined) {
      running = poll().finally(() => {
        running = undefined;
      });
      return running;
    }
    queued ??= running
      .catch(() => {})
      .then(() => {
        queued = undefined;
        return next();
      });
    return queued;
  }

  const prove = async (): Promise<void> => calls.within(next());

  return {
    watch(onChange) {
      calls.checkOpen();
      const own = (key: string | null): void => onChange(key);
      watches.add(own);
      return {
        async confirm() {
          if (!watches.has(own)) throw new StoreError("store_closed", "The watch is closed");
          await prove();
        },
        async close() {
          watches.delete(own);
          rest();
        },
      };
    },

    watchRemovals(onRemoved) {
      calls.checkOpen();
      const watch = removals.watch(onRemoved, prove);
      keepAsking();
      return {
        confirm: watch.confirm,
        async close() {
          await watch.close();
          rest();
        },
      };
    },

    hurry() {
      if (isHurried || !removals.isWatched) return;
      isHurried = true;
      const poll = (): void => {
        isHurried = false;
        next().catch(() => {});
      };
      timer.after(Math.max(0, polledAt + HURRY - timer.elapsed()), poll, { background: true });
    },

    close() {
      isClosed = true;
      callOff?.();
    },
  };
}
