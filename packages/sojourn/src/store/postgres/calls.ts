/** How a statement reaches the server and its rows come back: in time, or as a fault. */
import { StoreError } from "../../errors.ts";
import type { Timer } from "../../time/timer.ts";
import { isFromServer, isRepeatable, postgresFault } from "./postgres-fault.ts";
import type { PostgresPort, Row, Sending, Statement, Value } from "./postgres-port.ts";

/** Makes calls, each of which has an answer within the deadline. */
export interface Calls {
  /** @param giveUpAt of a call of several statements, from `giveUpAt`; else the statement has a deadline of its own */
  run(statement: Statement, values: readonly Value[], giveUpAt?: number): Promise<readonly Row[]>;
  /** Until when a call that begins now is answered. */
  giveUpAt(): number;
  /** Makes a call of statements that are sent by `send`. What it rejects with becomes a fault. */
  make<T>(work: (sending: Sending) => Promise<T>, giveUpAt?: number): Promise<T>;
  /** Waits for what calls of others may have to end for first: no longer than for a call. */
  within<T>(work: Promise<T>): Promise<T>;
  /** Makes a statement for a call. Rejects with the error of the client. */
  send(statement: Statement, values: readonly Value[], sending: Sending): Promise<readonly Row[]>;
  /** @throws StoreError `store_closed` once it is closed */
  checkOpen(): void;
  /** Every call, those under way too, is refused from now on. */
  close(): void;
}

/** How often a statement is made at most which Postgres has refused for the sake of others. */
const ATTEMPTS = 4;

/** After how many calls without an answer the connections may be dead. */
const SILENT = 3;

/** A call under way. */
class Call implements Sending {
  isOver = false;
  isSent = false;
  #overs: (() => void)[] | undefined;

  sent(): void {
    this.isSent = true;
  }

  onOver(run: () => void): void {
    (this.#overs ??= []).push(run);
  }

  /** Its caller is told that it failed. */
  giveUp(): void {
    this.isOver = true;
    for (const run of this.#overs ?? []) run();
  }
}

export function makeCalls(port: PostgresPort, { deadline, timer }: { deadline: number; timer: Timer }): Calls {
  const underWay = new Set<(fault: StoreError) => void>();
  /** How many calls have run out of time since the server was last heard of. */
  let silent = 0;
  let isClosed = false;

  async function send(statement: Statement, values: readonly Value[], sending: Sending): Promise<readonly Row[]> {
    for (let attempts = 1; ; attempts++) {
      // Its caller has been told that it failed, while it waited for others or for an answer: now it could only come late.
      if (sending.isOver) throw new Error("The deadline has passed before it was sent");
      try {
        const rows = await port.query(statement, values, sending);
        silent = 0;
        return rows;
      } catch (error) {
        // Afterwards it can be the client's own word that it has taken the statement back.
        if (!sending.isOver && isFromServer(error)) silent = 0;
        if (attempts === ATTEMPTS || sending.isOver || !isRepeatable(error)) throw error;
      }
    }
  }

  function outOfTime({ isSent }: Call): StoreError {
    const { message } = isSent ? late(deadline) : away(deadline);
    const isDead = ++silent >= SILENT && port.advice !== undefined;
    const advice = isDead ? `; ${silent} calls in a row had no answer: ${port.advice}` : "";
    return new StoreError("store_timeout", message + advice);
  }

  const calls: Calls = {
    giveUpAt: () => timer.elapsed() + deadline,
    send,
    run: async (statement, values, giveUpAt) =>
      calls.make(async (sending) => send(statement, values, sending), giveUpAt),

    make(work, giveUpAt) {
      if (isClosed) return Promise.reject(closed());
      const left = giveUpAt === undefined ? deadline : giveUpAt - timer.elapsed();
      if (left <= 0) return Promise.reject(late(deadline));
      return new Promise((resolve, reject) => {
        const call = new Call();
        const end = (): void => {
          callOff();
          underWay.delete(fail);
        };
        const fail = (fault: StoreError): void => {
          end();
          call.giveUp();
          reject(fault);
        };
        const callOff = timer.after(left, () => fail(outOfTime(call)), { background: true });
        underWay.add(fail);
        work(call)
          .finally(end)
          .then(resolve, (error: unknown) => reject(postgresFault(error)));
      });
    },

    async within(work) {
      return new Promise((resolve, reject) => {
        const callOff = timer.after(deadline, () => reject(late(deadline)), { background: true });
        work.finally(callOff).then(resolve, reject);
      });
    },

    checkOpen() {
      if (isClosed) throw closed();
    },

    close() {
      isClosed = true;
      for (const fail of underWay) fail(closed());
    },
  };
  return calls;
}

function late(deadline: number): StoreError {
  return new StoreError(
    "store_timeout",
    `Postgres has not answered within ${deadline} ms; a change may have been made`,
  );
}

function away(deadline: number): StoreError {
  return new StoreError("store_timeout", `There was no connection to Postgres within ${deadline} ms; nothing was sent`);
}

function closed(): StoreError {
  return new StoreError("store_closed", "The Postgres store is closed");
}
