/**
 * Whether a server still is the one that takes the writes.
 *
 * A master that was made a replica keeps its clients' connections, and answers reads with what it knows. So now and then it
 * is sent a write that changes nothing, which a replica refuses. An answer counts if such a write was asked for less than
 * `PROVEN_FOR` before the answer came, or after it. Otherwise the answer waits for the next one. While there are calls, it is
 * asked for in time, so that none has to wait.
 */
import type { Clock } from "../../time/clock.ts";
import { isWithin, moment, type Moment } from "../../time/moment.ts";
import type { Timer } from "../../time/timer.ts";
import type { RedisPort } from "./redis-port.ts";

/** How long a proof counts, in milliseconds: a demoted master answers that long at most. */
export const PROVEN_FOR = 500;

/** Looks after the server of a shard. */
export interface MasterGuard {
  /** A call begins; it asks for a proof if the last one is half over. */
  warm(): void;
  /** Whether an answer that has come now counts. */
  isProven(): boolean;
  /** Resolves with a proof that counts for what has come up to now; `isNew` for one that is asked for now. */
  prove(isNew?: boolean): Promise<unknown>;
  /** Something has been refused as a replica does. */
  doubt(): void;
}

export interface MasterGuardOptions {
  readonly port: RedisPort;
  readonly marker: string;
  readonly timer: Timer;
  readonly clock: Clock;
}

/** What refuses a write although it is the master. */
const MASTER_REFUSES = /^-?(?:OOM|MISCONF|NOREPLICAS)\b/;

export function masterGuard({ port, marker, timer, clock }: MasterGuardOptions): MasterGuard {
  const present = (): Moment => moment(timer, clock);
  let proven: Moment | undefined;
  let running: { readonly asked: Moment; readonly done: Promise<void> } | undefined;

  async function ask(asked: Moment): Promise<void> {
    try {
      await port.send(marker, ["DEL", `${marker}:none`]);
    } catch (error) {
      const text = error instanceof Error ? error.message : "";
      if (!MASTER_REFUSES.test(text)) {
        proven = undefined;
        if (text.includes("READONLY")) port.searchMaster?.();
        throw error;
      }
    }
    if (proven === undefined || asked.elapsed > proven.elapsed) proven = asked;
  }

  function start(asked: Moment): Promise<void> {
    const done = ask(asked).finally(() => {
      if (running?.done === done) running = undefined;
    });
    // Whoever waits for it is told; where nobody does, the next call asks again.
    done.catch(() => {});
    running = { asked, done };
    return done;
  }

  return {
    warm() {
      if (running === undefined && (proven === undefined || timer.elapsed() - proven.elapsed > PROVEN_FOR / 2)) {
        void start(present());
      }
    },
    isProven: () => proven !== undefined && isWithin(PROVEN_FOR, proven, present()),
    prove(isNew = false) {
      const now = present();
      return !isNew && running !== undefined && isWithin(PROVEN_FOR, running.asked, now) ? running.done : start(now);
    },
    doubt() {
      proven = undefined;
    },
  };
}

/** The guards of several servers as one. */
export function allGuards(guards: readonly MasterGuard[]): MasterGuard {
  const [first] = guards;
  if (guards.length === 1 && first !== undefined) return first;
  return {
    warm: () => guards.forEach((guard) => guard.warm()),
    isProven: () => guards.every((guard) => guard.isProven()),
    prove: async (isNew) =>
      Promise.all(guards.map(async (guard) => (isNew === true || !guard.isProven() ? guard.prove(isNew) : undefined))),
    doubt: () => guards.forEach((guard) => guard.doubt()),
  };
}
