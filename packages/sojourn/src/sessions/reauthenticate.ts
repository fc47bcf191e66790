/** How a user who has proved to be there again is noted: a step-up, and the way out of a lock. */
import { run, type Mode, type Steps } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { parseDuration, type Duration } from "../time/duration.ts";
import { isSessionId } from "../tokens/token.ts";
import { compareAndSet, type Made } from "./compare-and-set.ts";
import { decodedEntry, sessionOf } from "./decoded-entry.ts";
import { expiryFrom } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import { encodeRecord } from "./record.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** `reauthenticate` of a manager. */
export function reauthenticator<Data, M extends Mode>(
  context: ManagerContext<Data, M>,
): Sessions<Data, M>["reauthenticate"] {
  const { store, policy, events } = context;
  return (id, options) => run(store.mode, steps(id, options?.for ?? "5m"));

  function* steps(id: string, lasting: Duration): Steps<Session<Data> | undefined> {
    const counts = parseDuration(lasting, "for");
    if (!isSessionId(id)) return undefined;
    const now = policy.clock.now();
    return yield* compareAndSet(context, { id, now, make: (entry) => renewal(entry, now, counts) });
  }

  function renewal(entry: Entry, now: number, counts: number): Made<Session<Data>> {
    const record = decodedEntry(entry);
    const renewed = {
      ...record,
      reauthenticatedUntil: now + counts,
      absoluteExpiresAt: Math.max(now + record.absoluteTtl, record.absoluteExpiresAt),
    };
    const touchedAt = Math.max(now, entry.touchedAt);
    const expiresAt = Math.max(expiryFrom(now, renewed), entry.expiresAt);
    return {
      write: { meta: encodeRecord(renewed), touchedAt, expiresAt },
      stored(next) {
        const session = sessionOf(context, next);
        if (events.listens("reauthenticated")) events.emit("reauthenticated", { session, at: now });
        return session;
      },
    };
  }
}
