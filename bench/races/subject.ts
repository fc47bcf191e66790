/** What takes part in the races: a way to have sessions, in a server of its own. */
import { gate, type Gate } from "sojourn/testing";

/** A request's session, as the program of the races uses it. */
export interface Visit {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  destroy(): void | Promise<void>;
}

/** What a route answers: a text, or where to go. */
export type Answer = string | { readonly redirect: string };
export type Routes = Readonly<Record<`/${string}`, (visit: Visit) => Answer | Promise<Answer>>>;

/** A server that runs. */
export interface Running {
  readonly url: string;
  /** How many sessions are stored. */
  stored(): number | Promise<number>;
  /** How often a session was written so far: saved, extended or marked. */
  writes(): number;
  /** Holds the next writes on their way to the store; none where a write is there at once. */
  readonly held?: HeldWrites;
  close(): Promise<void>;
}

export interface Subject {
  readonly name: string;
  start(routes: Routes): Promise<Running>;
}

/** Writes on their way to a store, which can be held there. */
export interface HeldWrites {
  /** Holds what comes from now on; the gate tells when a write has arrived, and lets it go. */
  hold(): Gate;
  /** What a write waits for. */
  pass(): Promise<void>;
}

export function heldWrites(): HeldWrites {
  let current: Gate | undefined;
  return {
    hold: () => (current = gate()),
    pass: async () => current?.pass(),
  };
}
