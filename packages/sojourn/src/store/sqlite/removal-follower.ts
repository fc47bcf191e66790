/**
 * Tells the watches of one store of the removals that were noted, in the order of their numbers, whoever made them.
 *
 * There is one way for all of them: the log is read on from the last number that was told. A transaction of the store's
 * own has it read at once, a timer every `maxLag`, a `confirm` when it is asked. So each removal is told once, and those
 * of one key in their order.
 */
import { StoreError } from "../../errors.ts";
import { removalListeners } from "../removal-listeners.ts";
import type { Removed, Watch } from "../store.ts";
import type { Timer } from "../../time/timer.ts";
import type { NotedRemovals, RemovalSource } from "./removal-log.ts";

export interface RemovalFollower {
  /** For how long, in milliseconds, removals of others may wait to be told. */
  readonly maxLag: number;
  /** @param onRemoved see `watchRemovals` of a store */
  watch(onRemoved: (removed: Removed | null) => void): Watch;
  /** The store itself has committed removals. @param last the number of the last one */
  wrote(last: number): void;
  close(): void;
}

export type Follow = (source: RemovalSource) => RemovalFollower;

export interface RemovalFollowerOptions {
  readonly source: RemovalSource;
  /** In milliseconds. */
  readonly maxLag: number;
  readonly timer: Timer;
}

/** What was told last. The rev is not known of what came before the first watch. */
interface Position {
  readonly number: number;
  readonly rev: string | undefined;
}

/** How many rows are read in one turn of the event loop, unless they are the store's own: 10,000 removals at most. */
const ROWS = 100;

/** The rev of the last removal in a row. */
function revOf(row: NotedRemovals | undefined): string | undefined {
  return row?.removed.at(-1)?.head.rev;
}

export function removalFollower({ source, maxLag, timer }: RemovalFollowerOptions): RemovalFollower {
  const listeners = removalListeners();
  const queue: (Removed | null)[] = [];
  let isTelling = false;
  let position: Position | undefined;
  let isFailing = false;
  let isClosed = false;
  let callOff: (() => void) | undefined;

  /** In order also where whoever is told removes something: that waits for its turn. */
  function tell(): void {
    if (isTelling) return;
    isTelling = true;
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) listeners.tell(next);
    } finally {
      isTelling = false;
    }
  }

  /** Goes on from a number. Whoever watches already may have missed something. */
  function jumpTo(number: number): void {
    position = { number, rev: undefined };
    if (listeners.isWatched) queue.push(null);
  }

  function isBehind(last: number): boolean {
    return position !== undefined && position.number < last;
  }

  /** Reads a batch. Whether that was all. */
  function read(last = source.last()): boolean {
    if (last === null) {
      jumpTo(source.start());
      return true;
    }
    // With fewer removals than before, it is another file's life.
    if (position === undefined || last < position.number) {
      jumpTo(last);
      return true;
    }
    return last === position.number || readFrom(position, last);
  }

  function readFrom(told: Position, last: number): boolean {
    const found = source.from(told.number, ROWS + 1);
    const isThere = found[0]?.number === told.number;
    if (isThere && told.rev !== undefined && told.rev !== revOf(found[0])) {
      jumpTo(last);
      return true;
    }
    const rows = isThere ? found.slice(1) : found;
    const [first] = rows;
    // What is missing in between was deleted because of its age.
    if (first === undefined || first.number - first.removed.length !== told.number) queue.push(null);
    for (const { removed } of rows) queue.push(...removed);
    const reached = rows.at(-1);
    position = { number: reached?.number ?? last, rev: revOf(reached) };
    return position.number >= last;
  }

  function poll(): void {
    let isAll = true;
    try {
      source.check();
      isAll = read();
      isFailing = false;
    } catch {
      if (!isFailing) queue.push(null);
      isFailing = true;
    }
    schedule(isAll ? maxLag : 0);
    tell();
  }

  function schedule(delay: number): void {
    callOff = timer.after(delay, poll, { background: true });
  }

  async function confirm(): Promise<void> {
    for (;;) {
      if (isClosed) throw new StoreError("store_closed", "The SQLite store is closed");
      source.check();
      const isAll = read();
      tell();
      if (isAll) return;
      await new Promise<void>((resolve) => void timer.after(0, resolve));
    }
  }

  /** Brings the position to where a new watch begins. */
  function begin(): void {
    if (!listeners.isWatched) {
      position = undefined;
      queue.length = 0;
    }
    try {
      while (!read()) tell();
    } catch {
      // The watch begins when the store can be read: with `null`.
    }
    tell();
  }

  return {
    maxLag,
    watch(onRemoved) {
      begin();
      const watch = listeners.watch(onRemoved, confirm);
      if (callOff === undefined) schedule(maxLag);
      return {
        confirm: async () => watch.confirm(),
        async close() {
          await watch.close();
          if (!listeners.isWatched) stop();
        },
      };
    },
    wrote(last) {
      if (!listeners.isWatched) return;
      try {
        // The timer may have come first, and have read what others have committed since.
        while (isBehind(last)) read(last);
      } catch {
        // It is committed all the same. The timer reads it, or says that it cannot.
      }
      tell();
    },
    close() {
      isClosed = true;
      stop();
    },
  };

  function stop(): void {
    callOff?.();
    callOff = undefined;
  }
}
