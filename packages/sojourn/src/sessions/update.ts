/** How data changes: compare-and-set, and once more on the fresh session when another change came first. */
import { ConflictError } from "../errors.ts";
import { show } from "../show.ts";
import type { Mode, Reply } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { isSessionId, uniqueRev } from "../tokens/token.ts";
import { known, MAX_ATTEMPTS, reportEnds, sessionOf, type Context } from "./context.ts";
import { encodeRecord } from "./record.ts";
import type { Session } from "./session.ts";
import type { Change, Sessions } from "./sessions.ts";

/** `update` of a manager. */
export function updater<Data, M extends Mode>(context: Context<Data, M>): Sessions<Data, M>["update"] {
  const { store, steps, policy, codec, events } = context;

  function attempt(entry: Entry, change: Change<Data>, now: number, left: number): Reply<M, Session<Data> | undefined> {
    return steps.chain(codec.encode(apply(codec.copy(entry.value), change)), (value) => {
      if (value === entry.value) return steps.of(sessionOf(context, entry));
      const record = known(entry);
      const { memo: _, ...rest } = entry;
      const meta = encodeRecord({ ...record, version: record.version + 1 });
      const next: Entry = { ...rest, rev: uniqueRev(), meta, value };
      return steps.chain(store.put(next, entry.rev, now), (put) => {
        if (put.outcome === "stored") {
          reportEnds(context, put.removed, now, "evicted");
          const session = sessionOf(context, next);
          if (events.listens("updated")) events.emit("updated", { session, at: now });
          return steps.of(session);
        }
        if (put.outcome === "revoked" || put.current === undefined) return steps.of(undefined);
        if (left === 0) throw new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
        return attempt(put.current, change, now, left - 1);
      });
    });
  }

  return (id, change) => {
    if (typeof change !== "function" && !isFields(change)) {
      throw new TypeError(`Expected the change of a session to be fields or a function, got ${show(change)}`);
    }
    if (!isSessionId(id)) return steps.of(undefined);
    const now = policy.clock.now();
    return steps.chain(store.get(id, now), (entry) =>
      entry === undefined ? steps.of(undefined) : attempt(entry, change, now, MAX_ATTEMPTS - 1),
    );
  };
}

function apply<Data>(data: Data, change: Change<Data>): unknown {
  if (typeof change === "function") {
    const changed: unknown = change(data);
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
