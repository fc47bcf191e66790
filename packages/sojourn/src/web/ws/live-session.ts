/**
 * The session of a connection that stays open, and what may go through such a connection while it is certain that the
 * session lives.
 *
 * Between two messages a process can stand still for any time: a debugger, a laptop that sleeps, a container that is
 * frozen. So each message asks first, which costs no I/O (`ends.isCurrent`). What cannot be told at once is held until the
 * store has answered, in its order, in both directions.
 */
import { StoreError } from "../../errors.ts";
import { SessionEndedError, type SessionEnd } from "../../sessions/ends/session-end.ts";
import type { SessionSignal } from "../../sessions/ends/abort-signal.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { Mode } from "../../store/reply.ts";
import { systemTimer } from "../../time/timer.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import type { Activity } from "./activity.ts";

/** The session of a connection that stays open. It holds nothing until it is used, and from then on until `close`. */
export interface LiveSession<Data = Record<string, unknown>, M extends Mode = Mode> {
  /** The session as it was when the connection began: to be read, and not changed. */
  readonly session: RequestSession<Data, M>;
  /** Its public handle. */
  readonly id: string;
  /** Whose it is; `null` if nobody's. */
  readonly userId: string | null;
  /** Aborts when the session ends; its `reason` is a `SessionEndedError`. */
  readonly signal: SessionSignal;
  /** Whether something is held, until the store has said whether the session lives. */
  readonly isHolding: boolean;
  /**
   * Does something if the session lives: now, where that is certain, or else as soon as it is. What came before is done
   * before. Once the session has ended, or `close` was called, it is never done.
   *
   * @param dropped called in its place, if it will never be done
   */
  pass(action: () => void, dropped?: (error: SessionEndedError) => void): void;
  /** The user is there: extends the session, at most once a refresh window. Does nothing unless `extend` is set. */
  active(): void;
  /** Calls back once, when the session ends or nobody can tell any more whether it lives; never before it has returned. */
  onEnd(listener: (end: SessionEnd) => void): void;
  /** The connection has closed, so that nothing has to be watched for it. */
  close(): void;
}

export interface LiveContext<Data, M extends Mode> {
  readonly sessions: Pick<Sessions<Data, M>, "ends" | "signal" | "watch">;
  readonly activity: Activity | undefined;
  /** Calls a listener. What it throws harms nobody. */
  readonly tell: <Event>(listener: (event: Event) => unknown, event: Event) => void;
  readonly now: () => number;
}

/** How much is held of one connection at most. A store that does not answer must not fill the memory. */
const MOST_HELD = 10_000;
/** How long after an answer that settles nothing the next one is asked for, in milliseconds. */
const ASK_AGAIN_AFTER = 100;

interface Held {
  readonly action: () => void;
  readonly dropped: ((error: SessionEndedError) => void) | undefined;
}

export function liveSession<Data, M extends Mode>(
  context: LiveContext<Data, M>,
  session: RequestSession<Data, M>,
  id: string,
): LiveSession<Data, M> {
  return new Connection(context, session, id);
}

class Connection<Data, M extends Mode> implements LiveSession<Data, M> {
  readonly session: RequestSession<Data, M>;
  readonly id: string;
  readonly userId: string | null;
  readonly #context: LiveContext<Data, M>;
  #stopWatching: (() => void) | undefined;
  #end: SessionEnd | undefined;
  #listeners: readonly ((end: SessionEnd) => void)[] = [];
  #held: Held[] = [];
  #isSettling = false;
  #isClosed = false;

  constructor(context: LiveContext<Data, M>, session: RequestSession<Data, M>, id: string) {
    this.#context = context;
    this.session = session;
    this.id = id;
    this.userId = session.userId;
  }

  get signal(): SessionSignal {
    return this.#context.sessions.signal(this.id);
  }

  get isHolding(): boolean {
    return this.#held.length > 0;
  }

  pass(action: () => void, dropped?: (error: SessionEndedError) => void): void {
    this.#watch();
    if (this.#isOver) return this.#drop({ action, dropped });
    if (this.#held.length === 0 && this.#isCurrent) return action();
    this.#held.push({ action, dropped });
    if (this.#held.length > MOST_HELD) return this.#tell(this.#endNow("lost"));
    void this.#settle();
  }

  active(): void {
    if (!this.#isOver) this.#context.activity?.(this.id);
  }

  onEnd(listener: (end: SessionEnd) => void): void {
    this.#watch();
    const end = this.#end;
    if (end === undefined) this.#listeners = [...this.#listeners, listener];
    else void Promise.resolve().then(() => this.#context.tell(listener, end));
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners = [];
    this.#release();
  }

  get #isOver(): boolean {
    return this.#isClosed || this.#end !== undefined;
  }

  get #isCurrent(): boolean {
    return this.#context.sessions.ends.isCurrent(this.id);
  }

  #watch(): void {
    if (this.#stopWatching !== undefined || this.#isOver) return;
    try {
      this.#stopWatching = this.#context.sessions.watch(this.id, (end) => this.#tell(end));
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#tell(this.#endNow("lost"));
    }
  }

  #tell(end: SessionEnd): void {
    if (this.#isOver) return;
    this.#end = end;
    this.#release();
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const listener of listeners) this.#context.tell(listener, end);
  }

  /** Nothing goes through any more. */
  #release(): void {
    this.#stopWatching?.();
    const held = this.#held;
    this.#held = [];
    for (const each of held) this.#drop(each);
  }

  #drop({ dropped }: Held): void {
    if (dropped === undefined) return;
    const error = new SessionEndedError(this.#end ?? this.#endNow("unknown"));
    attempt(() => dropped(error));
  }

  #endNow(reason: "lost" | "unknown"): SessionEnd {
    return Object.freeze({ id: this.id, session: undefined, reason, at: this.#context.now() });
  }

  /** Asks the store, until all that is held was passed on or dropped. */
  async #settle(): Promise<void> {
    if (this.#isSettling) return;
    this.#isSettling = true;
    while (this.#held.length > 0) {
      // Who watches is told of the end before this has its answer.
      const lives = await this.#context.sessions.ends.confirm(this.id).catch(() => undefined);
      if (lives === false) this.#tell(this.#endNow("unknown"));
      while (this.#held.length > 0 && this.#isCurrent) attempt((this.#held.shift() as Held).action);
      if (this.#held.length > 0) {
        await new Promise<void>((resolve) => systemTimer.after(ASK_AGAIN_AFTER, resolve, { background: true }));
      }
    }
    this.#isSettling = false;
  }
}

/** How long a closing waits for what is held, or for the other side, in milliseconds. */
export const CLOSE_WITHIN = 1_000;

/**
 * Closes a connection after what is held of it, or without that when it has waited for long enough. Does nothing if the
 * session ends meanwhile, which closes it as well.
 */
export function closeAfterHeld(live: LiveSession<unknown>, close: () => void): void {
  const callOff = systemTimer.after(CLOSE_WITHIN, () => {
    live.close();
    close();
  });
  live.pass(() => {
    callOff();
    close();
  }, callOff);
}

/** What is thrown is thrown where nobody else has to do with it. */
function attempt(call: () => void): void {
  try {
    call();
  } catch (error) {
    void Promise.resolve().then(() => {
      throw error;
    });
  }
}
