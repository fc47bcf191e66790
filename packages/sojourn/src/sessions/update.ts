/** How data changes. */
import { show } from "../show.ts";
import type { Mode } from "../store/reply.ts";
import { isSessionId } from "../tokens/token.ts";
import { compareAndSet, type Step } from "./compare-and-set.ts";
import { known, sessionOf, type Context } from "./context.ts";
import { encodeRecord } from "./record.ts";
import type { Session } from "./session.ts";
import type { Change, Sessions } from "./sessions.ts";

/** `update` of a manager. */
export function updater<Data, M extends Mode>(context: Context<Data, M>): Sessions<Data, M>["update"] {
  const { steps, policy, codec, events } = context;
  return (id, change) => {
    if (typeof change !== "function" && !isFields(change)) {
      throw new TypeError(`Expected the change of a session to be fields or a function, got ${show(change)}`);
    }
    if (!isSessionId(id)) return steps.of(undefined);
    const now = policy.clock.now();
    return compareAndSet<Data, M, Session<Data>>(context, {
      id,
      now,
      make: (entry) =>
        steps.chain(codec.encode(apply(codec.copy(entry.value), change)), (value) => {
          if (value === entry.value) return steps.of<ChangeStep>({ answer: () => steps.of(sessionOf(context, entry)) });
          const record = known(entry);
          const meta = encodeRecord({ ...record, version: record.version + 1 });
          return steps.of<ChangeStep>({
            write: { meta, value },
            stored(next) {
              const session = sessionOf(context, next);
              if (events.listens("updated")) events.emit("updated", { session, at: now });
              return session;
            },
          });
        }),
    });
  };

  type ChangeStep = Step<M, Session<Data> | undefined>;
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
