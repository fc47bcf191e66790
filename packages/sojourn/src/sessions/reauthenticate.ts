/** How a user who has proved to be there again is noted: a step-up, and the way out of a lock. */
import type { Mode } from "../store/reply.ts";
import { parseDuration } from "../time/duration.ts";
import { isSessionId } from "../tokens/token.ts";
import { compareAndSet } from "./compare-and-set.ts";
import { known, sessionOf, type Context } from "./context.ts";
import { expiryFrom } from "./lifecycle.ts";
import { encodeRecord } from "./record.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** `reauthenticate` of a manager. */
export function reauthenticator<Data, M extends Mode>(context: Context<Data, M>): Sessions<Data, M>["reauthenticate"] {
  const { steps, policy, events } = context;
  return (id, options = {}) => {
    const lasting = parseDuration(options.for ?? "5m", "for");
    if (!isSessionId(id)) return steps.of(undefined);
    const now = policy.clock.now();
    return compareAndSet<Data, M, Session<Data>>(context, {
      id,
      now,
      make(entry) {
        const record = known(entry);
        const renewed = {
          ...record,
          reauthenticatedUntil: now + lasting,
          absoluteExpiresAt: Math.max(now + record.absoluteTtl, record.absoluteExpiresAt),
        };
        const touchedAt = Math.max(now, entry.touchedAt);
        const expiresAt = Math.max(expiryFrom(now, renewed), entry.expiresAt);
        return steps.of({
          write: { meta: encodeRecord(renewed), touchedAt, expiresAt },
          stored(next) {
            const session = sessionOf(context, next);
            if (events.listens("reauthenticated")) events.emit("reauthenticated", { session, at: now });
            return session;
          },
        });
      },
    });
  };
}
