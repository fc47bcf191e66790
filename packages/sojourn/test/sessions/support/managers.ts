/** Every law is tested on a synchronous and on an asynchronous manager: the same test awaits both. */
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import type { SessionsOptions } from "../../../src/sessions/options.ts";
import type { EndReason } from "../../../src/sessions/session.ts";
import type { Sessions } from "../../../src/sessions/sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { manualClock, type ManualClock } from "../../../src/time/manual-clock.ts";

export interface Data {
  readonly [name: string]: unknown;
}

export interface Managed {
  readonly sessions: Sessions<Data, Mode>;
  readonly clock: ManualClock;
  readonly store: Store;
  /** The ends that were reported, as `id reason`, in order. */
  readonly ends: string[];
}

export type Manage = (options?: Partial<SessionsOptions<Data, Mode>>) => Managed;

export const modes: readonly (readonly [name: string, open: () => Store])[] = [
  ["synchronous", () => memoryStore()],
  ["asynchronous", () => asyncStore(memoryStore())],
];

/** A manager on a store, with a clock that stands still and a record of every end. */
export function manage(open: () => Store, options: Partial<SessionsOptions<Data, Mode>> = {}): Managed {
  const clock = manualClock();
  const store = options.store ?? open();
  const sessions = createSessions<Data>({ clock, ...options, store });
  const ends: string[] = [];
  sessions.on("ended", ({ session, reason }) => ends.push(endOf(session.id, reason)));
  return { sessions, clock, store, ends };
}

export function endOf(id: string, reason: EndReason): string {
  return `${id} ${reason}`;
}
