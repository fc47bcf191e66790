/** Clients of a store that create, read, change, touch and delete one entry. */
import type { Entry, Put, Store } from "../../src/store/store.ts";
import type { Call, Perform, Workload } from "./race.ts";
import type { Random } from "./random.ts";

export type EntryOperation =
  | { readonly call: "create"; readonly rev: string }
  | { readonly call: "update"; readonly from: string; readonly rev: string }
  | { readonly call: "touch"; readonly rev: string }
  | { readonly call: "destroy" }
  | { readonly call: "get" };

/** What a call told about the entry: whether it did what was asked, and which rev it saw, `""` for none. */
export interface EntryAnswer {
  readonly done?: boolean;
  readonly saw?: string;
}

export type EntryCall = Call<EntryOperation, EntryAnswer>;

/** Where a history happens. */
export interface Scene {
  readonly key: string;
  /** The instant that the store is given, in epoch milliseconds. */
  readonly now: number;
}

/** The state is the rev that is there, `""` for none: a rev never comes twice, and brings its value. */
export const entryWorkload: Workload<EntryOperation, EntryAnswer, string> = {
  model: { start: "", nameOf: (state) => state, step },
  choose(random, mark, seen) {
    const call = chooseCall(random);
    if (call === "create") return { call, rev: mark };
    // What the client saw last is often out of date, and is refused then.
    const from = seen?.saw === undefined || seen.saw === "" ? `${mark}?` : seen.saw;
    if (call === "update") return { call, from, rev: mark };
    return call === "touch" ? { call, rev: from } : { call };
  },
};

function chooseCall(random: Random): EntryOperation["call"] {
  return random.pick(["create", "create", "update", "update", "update", "touch", "destroy", "get", "get", "get"]);
}

function step(state: string, { operation, answer }: EntryCall): string | undefined {
  switch (operation.call) {
    case "get":
      return answer === undefined || answer.saw === state ? state : undefined;
    case "touch":
      return answer === undefined || answer.done === (state === operation.rev) ? state : undefined;
    case "destroy":
      return answer === undefined || answer.saw === state ? "" : undefined;
    case "create":
      return stepPut(state, { rev: operation.rev, from: "" }, answer);
    case "update":
    default:
      return stepPut(state, operation, answer);
  }
}

function stepPut(state: string, put: { rev: string; from: string }, answer: EntryAnswer | undefined) {
  const done = state === put.from || state === put.rev;
  if (answer !== undefined && (answer.done !== done || (!done && answer.saw !== state))) return undefined;
  return done ? put.rev : state;
}

const HOUR = 3_600_000;

/** Makes the calls on a store. */
export function onStore(store: Store, { key, now }: Scene): Perform<EntryOperation, EntryAnswer> {
  const entry = (rev: string): Entry => {
    const instants = { createdAt: now, touchedAt: now, expiresAt: now + HOUR };
    return { key, owner: "ann", rev, meta: "", ...instants, value: `value of ${rev}` };
  };
  return async (operation) => {
    switch (operation.call) {
      case "get":
        return { saw: sawIn(await store.get(key, now)) };
      case "touch":
        return {
          done: await store.touch(key, operation.rev, { touchedAt: now + 1, expiresAt: now + HOUR + 1 }, now),
          saw: operation.rev,
        };
      case "destroy":
        return { saw: (await store.delete(key))?.rev ?? "" };
      case "create":
        return answerOf(await store.put(entry(operation.rev), null, now), operation.rev);
      case "update":
      default:
        return answerOf(await store.put(entry(operation.rev), operation.from, now), operation.rev);
    }
  };
}

function answerOf(put: Put, rev: string): EntryAnswer {
  if (put.outcome === "stored") return { done: true, saw: rev };
  if (put.outcome === "conflict") return { done: false, saw: sawIn(put.current) };
  throw new Error("Nobody revoked anything");
}

/** The rev of an entry; a value that belongs to another rev is a state that no model has. */
function sawIn(entry: Entry | undefined): string {
  if (entry === undefined) return "";
  return entry.value === `value of ${entry.rev}` ? entry.rev : `${entry.rev} with ${String(entry.value)}`;
}
