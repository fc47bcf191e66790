/** At which layer a race runs: on the entries of stores, or on the sessions of managers. */
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Store } from "../../src/store/store.ts";
import { adoptToken } from "../../src/tokens/token.ts";
import { isLinearizable } from "./checker.ts";
import { entryWorkload, onStore, type EntryCall } from "./entry-workload.ts";
import { runClient, type Call, type Lane } from "./race.ts";
import { onSessions, sessionWorkload, type SessionCall, type Written } from "./session-workload.ts";

export type Level = "entries" | "sessions";

/** Runs a client of a store on the entry, or the session, of a race. */
export type Racer = (lane: Lane) => Promise<Call<unknown, unknown>[]>;

/** A racer on a store: the node that some clients talk to. */
export function racerOn(level: Level, store: Store): Racer {
  if (level === "entries") {
    return async (lane) => runClient(entryWorkload, onStore(store, { key: `k${lane.race}`, now: Date.now() }), lane);
  }
  const sessions = createSessions<Written>({ store });
  return async (lane) => {
    const token = `race ${lane.race}`;
    return runClient(sessionWorkload, onSessions(sessions, { token, id: adoptToken(token).id }), lane);
  };
}

/** Whether a history of a level could have come from calls made one after the other. */
export function isFair(level: Level, calls: readonly Call<unknown, unknown>[]): boolean {
  return level === "entries"
    ? isLinearizable(calls as readonly EntryCall[], entryWorkload.model)
    : isLinearizable(calls as readonly SessionCall[], sessionWorkload.model);
}
