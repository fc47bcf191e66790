/** What a race is about: one entry of stores, one session of managers, or all sessions of one user. */
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Store } from "../../src/store/store.ts";
import { adoptToken } from "../../src/tokens/token.ts";
import { isLinearizable } from "./checker.ts";
import { entryWorkload, onStore, type EntryCall } from "./entry-workload.ts";
import { runClient, type Call, type Lane } from "./race.ts";
import {
  onRevocations,
  revocationModel,
  revocationWorkload,
  withBeginnings,
  workerClock,
  type RevocationCall,
  type WorkerClock,
} from "./revocation-workload.ts";
import { onSessions, sessionWorkload, type SessionCall, type Written } from "./session-workload.ts";

export type Level = "entries" | "sessions" | "revocations";

/** Runs a client of a store on what a race is about. */
export type Racer = (lane: Lane) => Promise<Call<unknown, unknown>[]>;

/**
 * A racer on a store: the node that some clients talk to.
 *
 * @param clock the store's own, which then steps with that of its one client; by default each client has another one
 */
export function racerOn(level: Level, store: Store, clock?: WorkerClock): Racer {
  if (level === "entries") {
    return async (lane) => runClient(entryWorkload, onStore(store, { key: `k${lane.race}`, now: Date.now() }), lane);
  }
  if (level === "revocations") {
    return async (lane) => {
      const worker = clock ?? workerClock();
      worker.step(lane.random.under(2 ** 32));
      return runClient(revocationWorkload, onRevocations(store, { owner: `ann ${lane.race}`, clock: worker }), lane);
    };
  }
  const sessions = createSessions<Written>({ store });
  return async (lane) => {
    const token = `race ${lane.race}`;
    return runClient(sessionWorkload, onSessions(sessions, { token, id: adoptToken(token).id }), lane);
  };
}

/**
 * Whether a history of a level could have come from calls made one after the other.
 *
 * @param exactOrder what the stores promise of it
 */
export function isFair(level: Level, calls: readonly Call<unknown, unknown>[], exactOrder = true): boolean {
  if (level === "revocations") {
    return isLinearizable(withBeginnings(calls as readonly RevocationCall[]), revocationModel(exactOrder));
  }
  return level === "entries"
    ? isLinearizable(calls as readonly EntryCall[], entryWorkload.model)
    : isLinearizable(calls as readonly SessionCall[], sessionWorkload.model);
}
