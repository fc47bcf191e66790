/**
 * Whether a server still is the one that takes the writes.
 *
 * A master that was made a replica keeps its clients' connections, and answers reads with what it knows. So now and then it
 * is sent a write that changes nothing, which a replica refuses. An answer counts if such a write was sent less than
 * `PROVEN_FOR` before the answer came; or after what is answered, on the same connection, however slow that is. Otherwise
 * the answer waits for the next one. While there are calls, it is sent in time, so that none has to wait.
 *
 * That write is a `GETEX` that sets no expiry, so it also answers the number of the shard's last revocation. What begins
 * after that answer knows the number, also where the server is another run by then, which cannot tell how long ago it was.
 */
import type { Clock } from "../../time/clock.ts";
import { isWithin, moment, type Moment } from "../../time/moment.ts";
import type { Timer } from "../../time/timer.ts";
import type { RedisPort } from "./redis-port.ts";

/** How long a proof counts, in milliseconds: a demoted master answers that long at most. */
export const PROVEN_FOR = 500;

/** Looks after the server of a shard. */
export interface MasterGuard {
  /**
   * A call has been sent; asks for a proof if the last one is half over.
   *
   * @param sentAt when it was sent, by the timer
   */
  warm(sentAt: number): void;
  /**
   * Whether an answer that has come now counts.
   *
   * @param sentAt when its call was sent, by the timer
   */
  isProven(sentAt: number): boolean;
  /** Resolves with a proof that counts for what was sent then and has been answered by now. */
  prove(sentAt: number): Promise<unknown>;
  /** Asks for a proof in any case, so that nothing that was sent before can be out of date. */
  renew(): Promise<unknown>;
  /** Something has been refused as a replica does. */
  doubt(): void;
}

export interface MasterGuardOptions {
  readonly port: RedisPort;
  readonly marker: string;
  readonly timer: Timer;
  readonly clock: Clock;
  /** Called with the number of the shard's last revocation, 0 if it has none. */
  readonly onNumber: (number: number) => void;
}

/** What refuses a write although it is the master. */
const MASTER_REFUSES = /^-?(?:OOM|MISCONF|NOREPLICAS)\b/;

export function masterGuard({ port, marker, timer, clock, onNumber }: MasterGuardOptions): MasterGuard {
  const present = (): Moment => moment(timer, clock);
  let proven: Moment | undefined;
  /** The last one that was asked for, answered or not. */
  let last: { readonly asked: Moment; readonly done: Promise<void> } | undefined;

  const counts = (asked: Moment, sentAt: number): boolean =>
    asked.elapsed >= sentAt || isWithin(PROVEN_FOR, asked, present());

  async function ask(asked: Moment): Promise<void> {
    try {
      onNumber(Number(await port.send(marker, ["GETEX", `${marker}:n`])));
    } catch (error) {
      const text = error instanceof Error ? error.message : "";
      if (!MASTER_REFUSES.test(text)) {
        proven = undefined;
        last = undefined;
        if (text.includes("READONLY")) port.searchMaster?.();
        throw error;
      }
    }
    if (proven === undefined || asked.elapsed > proven.elapsed) proven = asked;
  }

  function start(): Promise<void> {
    const asked = present();
    const done = ask(asked);
    // Whoever waits for it is told; where nobody does, the next call asks again.
    done.catch(() => {});
    last = { asked, done };
    return done;
  }

  return {
    warm(sentAt) {
      if (last === undefined || sentAt - last.asked.elapsed > PROVEN_FOR / 2) void start();
    },
    isProven: (sentAt) => proven !== undefined && counts(proven, sentAt),
    prove: (sentAt) => (last !== undefined && counts(last.asked, sentAt) ? last.done : start()),
    renew: start,
    doubt() {
      proven = undefined;
      last = undefined;
    },
  };
}

/** The guards of several servers as one. */
export function allGuards(guards: readonly MasterGuard[]): MasterGuard {
  const [first] = guards;
  if (guards.length === 1 && first !== undefined) return first;
  return {
    warm: (sentAt) => guards.forEach((guard) => guard.warm(sentAt)),
    isProven: (sentAt) => guards.every((guard) => guard.isProven(sentAt)),
    prove: async (sentAt) => Promise.all(guards.map(async (guard) => guard.prove(sentAt))),
    renew: async () => Promise.all(guards.map(async (guard) => guard.renew())),
    doubt: () => guards.forEach((guard) => guard.doubt()),
  };
}
