/** Extends a session by what happens on its connections: at most once a refresh window, however many there are. */
import { extensionWhenDue } from "../../sessions/lifecycle.ts";
import type { Session } from "../../sessions/session.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { Mode } from "../../store/reply.ts";
import { recentMap } from "../../store/recent-map.ts";

/** The user of a session is there. */
export type Activity = (id: string) => void;

/** Of how many sessions it is known when they were extended last. */
const MOST_KNOWN = 10_000;
/** How soon a store that has failed is asked again, in milliseconds. */
const AGAIN_AFTER = 1_000;

type Known = Pick<Session, "lastAccessedAt" | "expiresAt" | "absoluteExpiresAt">;

export function activity(sessions: Pick<Sessions<unknown, Mode>, "get" | "refresh" | "policy">): Activity {
  const { policy } = sessions;
  const known = recentMap<Known>(MOST_KNOWN);
  const asked = new Set<string>();
  let failedAt = Number.NEGATIVE_INFINITY;

  function isDue({ lastAccessedAt, expiresAt, absoluteExpiresAt }: Known, now: number): boolean {
    const lifetimes = { ttl: expiresAt - lastAccessedAt, absoluteExpiresAt };
    return extensionWhenDue({ touchedAt: lastAccessedAt, expiresAt }, lifetimes, now, policy) !== undefined;
  }

  async function extend(id: string, now: number): Promise<void> {
    try {
      // Another connection, or another process, may have extended it.
      const found = await sessions.get(id);
      const session = found !== undefined && isDue(found, now) ? await sessions.refresh(id) : found;
      if (session !== undefined) known.set(id, session);
    } catch {
      // The connection goes on while nobody knows better, and the next message tries again.
      failedAt = now;
    } finally {
      asked.delete(id);
    }
  }

  return (id) => {
    const now = policy.clock.now();
    const before = known.get(id);
    if ((before !== undefined && !isDue(before, now)) || asked.has(id)) return;
    if (now >= failedAt && now - failedAt < AGAIN_AFTER) return;
    asked.add(id);
    void extend(id, now);
  };
}
