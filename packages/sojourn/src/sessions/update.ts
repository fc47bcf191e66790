/** `update`: changes the data of a session. */
import { show } from "../show.ts";
import { run, type Mode, type Reply } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { parseSessionId } from "../tokens/token.ts";
import { compareAndSet, type Made } from "./compare-and-set.ts";
import { decodedEntry, sessionOf, sessionWith } from "./decoded-entry.ts";
import type { ManagerContext } from "./manager-context.ts";
import { encodeRecord } from "./record.ts";
import { withoutEndedGraces } from "./secrets.ts";
import type { Session } from "./session.ts";
import type { Change, Sessions } from "./sessions.ts";

/** `update` of a manager. */
export function updater<Data, M extends Mode>(context: ManagerContext<Data, M>): Sessions<Data, M>["update"] {
  const { store, policy, codec, events } = context;

  return (id, change) => {
    if (typeof change !== "function" && !isFields(change)) {
      throw new TypeError(`Expected the change of a session to be fields or a function, got ${show(change)}`);
    }
    parseSessionId(id);
    const now = policy.clock.now();
    const make = (entry: Entry): Reply<Mode, Made<Session<Data>>> => {
      const { version } = decodedEntry(entry);
      const json = codec.encode(apply(codec.copy(entry.value), change, version), entry.owner);
      return typeof json === "string" ? changed(entry, json, now) : json.then((value) => changed(entry, value, now));
    };
    return run(store.mode, compareAndSet(context, { id, now, make }));
  };

  function changed(entry: Entry, value: string, now: number): Made<Session<Data>> {
    if (value === entry.value) return { answer: sessionOf(context, entry) };
    const before = withoutEndedGraces(decodedEntry(entry), now);
    const record = { ...before, version: before.version + 1 };
    return {
      write: { meta: encodeRecord(record), value },
      stored(next) {
        const session = sessionWith(context, next, record);
        if (events.listens("updated")) events.emit("updated", { session, at: now });
        return session;
      },
    };
  }
}

function apply<Data>(data: Data, change: Change<Data>, version: number): unknown {
  if (typeof change === "function") {
    const changed: unknown = change(data, version);
    if (changed instanceof Promise) {
      changed.catch(() => undefined);
      throw new TypeError("Expected the function given to `update` to return the new data, got a promise");
    }
    return changed;
  }
  if (!isFields(data)) throw new TypeError(`Expected data that has fields to set, got ${show(data)}`);
  // Spreading defines fields, also one named `__proto__`; it never calls a setter.
  return { ...data, ...change };
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
