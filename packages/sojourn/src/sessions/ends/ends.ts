/** What `signal`, `watch` and `ends` of a manager are: their interface, apart from what makes them. */
import type { Mode } from "../../store/reply.ts";
import type { Unsubscribe } from "../../store/store.ts";
import type { ManagerContext } from "../manager-context.ts";
import type { SessionEvents } from "../session.ts";
import type { SessionSignal } from "./abort-signal.ts";
import type { EndsOptions } from "./ends-options.ts";
import type { SessionEnd } from "./session-end.ts";

/** What a manager knows of the sessions that are watched in this process. */
export interface Ends {
  /**
   * Whether it is certain at this moment that a watched session lives, up to `ends.maxStale` ago: its end was not told,
   * its time is not up, and the store has proven that nothing is missing. Ask before each message that is let through on a
   * connection that stays open. It asks no store, and answers at once; `false` does not mean that the session has ended,
   * and `confirm` finds out.
   *
   * @param id of a session that `signal` or `watch` was called for; of any other, `false`
   */
  isCurrent(id: string): boolean;

  /**
   * Asks the store whether a session lives, however old what is known here is, and also where no end was told of it; if
   * it does not, its end is told before this resolves.
   *
   * @throws StoreError if that cannot be told now
   */
  confirm(id: string): Promise<boolean>;

  /** Stops: everything that is watched ends here, with the reason `lost`, and nothing can be watched any more. */
  close(): void;
}

export type EndedListener = (event: SessionEvents<never>["ended"]) => unknown;

/** All of that, as a manager uses it. */
export interface EndsOfManager extends Ends {
  signal(id: string): SessionSignal;
  watch(id: string, listener: (end: SessionEnd) => unknown): Unsubscribe;
  onEnded(listener: EndedListener): Unsubscribe;
  /** Whether anybody listens to the ends of all sessions. */
  readonly hasListeners: boolean;
}

/** `ends`, with what tells of them: made by `sessionEnds`. */
export interface SessionEnds extends EndsOptions {
  /** For `createSessions`. */
  readonly start: (context: Omit<ManagerContext<never, Mode>, "codec">) => EndsOfManager;
}
