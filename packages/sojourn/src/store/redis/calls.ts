/** How a call reaches the server and comes back: in time, or as a fault. */
import { StoreError } from "../../errors.ts";
import type { Timer } from "../../time/timer.ts";
import type { MasterGuard } from "./master-guard.ts";
import { redisFault } from "./redis-fault.ts";
import type { RedisPort } from "./redis-port.ts";

/** Makes calls, each of which has an answer within the deadline. */
export interface Calls {
  /**
   * Sends something, and goes on with the reply.
   *
   * @param guard says whether the reply counts, or must wait until the server has proven that it is the master
   */
  run<T>(send: () => Promise<unknown>, decode: (reply: unknown) => T, guard?: MasterGuard): Promise<T>;
  /** @throws StoreError `store_closed` once it is closed */
  checkOpen(): void;
  /** Every call, those under way too, is refused from now on. */
  close(): void;
}

/** A call under way. One object, since every read makes one. */
class Call<T = unknown> {
  readonly startedAt: number;
  readonly #send: () => Promise<unknown>;
  readonly #decode: (reply: unknown) => T;
  readonly #guard: MasterGuard | undefined;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  isOver = false;
  /** Negative infinity until it is sent. */
  sentAt: number = Number.NEGATIVE_INFINITY;

  constructor(startedAt: number, work: Work<T>, resolve: (value: T) => void, reject: (error: unknown) => void) {
    this.startedAt = startedAt;
    this.#send = work.send;
    this.#decode = work.decode;
    this.#guard = work.guard;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get isSent(): boolean {
    return this.sentAt !== Number.NEGATIVE_INFINITY;
  }

  start(now: number): void {
    this.sentAt = now;
    this.#send().then(
      (reply) => this.#prove(reply),
      (error: unknown) => this.fail(error),
    );
    // After what was sent, so that it adds nothing to its way.
    this.#guard?.warm(now);
  }

  fail(error: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    if (error instanceof Error && error.message.includes("READONLY")) this.#guard?.doubt();
    this.#reject(redisFault(error));
  }

  #prove(reply: unknown): void {
    if (this.isOver) return;
    if (this.#guard === undefined || this.#guard.isProven(this.sentAt)) return this.#answer(reply);
    this.#guard.prove(this.sentAt).then(
      () => this.#answer(reply),
      (error: unknown) => this.fail(error),
    );
  }

  #answer(reply: unknown): void {
    if (this.isOver) return;
    this.isOver = true;
    try {
      this.#resolve(this.#decode(reply));
    } catch (error) {
      this.#reject(redisFault(error));
    }
  }
}

/** What a call sends, and what it makes of the reply. */
interface Work<T> {
  readonly send: () => Promise<unknown>;
  readonly decode: (reply: unknown) => T;
  readonly guard?: MasterGuard | undefined;
}

/** How many calls that are over may stand before the oldest one that is not. */
const SLACK = 256;
/** How often a client that is not ready is looked at, in milliseconds. */
const POLL = 10;

export function makeCalls(port: RedisPort, { deadline, timer }: { deadline: number; timer: Timer }): Calls {
  // In the order in which they began, so that the first is the next to run out of time: one timer is enough for all.
  let calls: Call[] = [];
  let first = 0;
  let isTimed = false;
  let isClosed = false;
  let isWaiting = false;

  /** A client would keep what it cannot send, and send it long after its deadline. So it is kept here. */
  function wait(): void {
    if (isWaiting) return;
    isWaiting = true;
    timer.after(POLL, look, { background: true });
  }

  function look(): void {
    isWaiting = false;
    const waiting = calls.slice(first).filter(({ isSent, isOver }) => !isSent && !isOver);
    if (waiting.length === 0) return;
    if (!port.isReady()) return wait();
    for (const call of waiting) call.start(timer.elapsed());
  }

  function add(call: Call): void {
    while (first < calls.length && calls[first]!.isOver) first++;
    if (first > SLACK && first * 2 > calls.length) {
      calls = calls.slice(first);
      first = 0;
    }
    calls.push(call);
    if (!isTimed) time(deadline);
  }

  function time(delay: number): void {
    isTimed = true;
    timer.after(Math.max(1, Math.ceil(delay)), endLateOnes, { background: true });
  }

  function endLateOnes(): void {
    isTimed = false;
    const now = timer.elapsed();
    for (; first < calls.length; first++) {
      const call = calls[first]!;
      if (call.isOver) continue;
      if (now - call.startedAt < deadline) return time(deadline - (now - call.startedAt));
      call.fail(call.isSent ? late() : away());
    }
  }

  const late = (): StoreError =>
    new StoreError("store_timeout", `Redis has not answered within ${deadline} ms; a change may have been made`);
  const away = (): StoreError =>
    new StoreError("store_unavailable", `Redis could not be reached within ${deadline} ms; nothing was sent`);

  return {
    run<T>(send: () => Promise<unknown>, decode: (reply: unknown) => T, guard?: MasterGuard) {
      if (isClosed) return Promise.reject(closed());
      return new Promise<T>((resolve, reject) => {
        const call = new Call<T>(timer.elapsed(), { send, decode, guard }, resolve, reject);
        add(call as Call);
        if (port.isReady()) call.start(call.startedAt);
        else wait();
      });
    },

    checkOpen() {
      if (isClosed) throw closed();
    },

    close() {
      isClosed = true;
      for (const call of calls.slice(first)) if (!call.isOver) call.fail(closed());
      calls = [];
      first = 0;
    },
  };
}

function closed(): StoreError {
  return new StoreError("store_closed", "The Redis store is closed");
}
