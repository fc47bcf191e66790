/**
 * A session that is used near its end is extended; one that is not used ends. After `npm run build`:
 *
 *     node examples/auth-auto-refresh.ts [sessions.db]
 */
import { createAuth } from "sojourn/auth";
import { manualClock } from "sojourn/testing";
import { store } from "./auth-store.ts";

// A clock that we can move, to see an hour pass. An application leaves this out.
const clock = manualClock();

const auth = createAuth({
  jwtSecret: "my-secret",
  sessionTtl: 3600, // 1 hour
  sessionRefreshThreshold: 300, // Auto-refresh if accessed within 5 minutes of expiry
  clock,
  store,
});

const { id, createdAt } = auth.createSession("user-42", { role: "admin" });

function access(): void {
  const minute = (clock.now() - createdAt) / 60_000;
  const session = auth.getSession(id);
  const left = session === null ? "ended" : `${(session.expiresAt - clock.now()) / 60_000} minutes left`;
  console.log(`minute ${minute}: ${left}`);
}

access();
clock.advance("54m");
access();
clock.advance("1m");
access();
clock.advance("1m");
access();
clock.advance("59m");
access();
clock.advance("60m");
access();

console.log("removed:", auth.cleanupExpiredSessions());
store.close();
