/**
 * Sessions are created, read, refreshed, updated and destroyed. After `npm run build`:
 *
 *     node examples/auth-crud.ts [sessions.db]
 */
import {
  cleanupExpiredSessions,
  createAuth,
  createSession,
  destroyAllUserSessions,
  destroySession,
  getSession,
  getSessionConfig,
  getUserSessions,
  refreshSession,
  setSessionConfig,
  updateSession,
} from "sojourn/auth";
import { store } from "./auth-store.ts";

const auth = createAuth({ jwtSecret: "my-secret", store });

// Create a session with custom data
const session = auth.createSession("user-42", {
  role: "admin",
  ip: "192.168.1.1",
  lastLogin: Date.now(),
});

console.log(session.id.slice(0, 5)); // the whole id is the secret that the client keeps
console.log(session.userId);
console.log(session.data.role);
console.log(session.data.ip);
console.log("seconds:", (session.expiresAt - session.createdAt) / 1000);

for (const id of [session.id, "sess_abc123"]) {
  const found = auth.getSession(id);
  if (found) {
    console.log(found.data.role);
  } else {
    // Session not found or expired
    console.log("Session expired or invalid");
  }
}

const refreshed = auth.refreshSession(session.id);
if (refreshed) {
  console.log("Extended:", refreshed.expiresAt >= session.expiresAt);
}

const updated = auth.updateSession(session.id, {
  lastActivity: Date.now(),
  page: "/dashboard",
});
if (updated) {
  console.log("Session updated:", Object.keys(updated.data).toSorted().join(", "));
}

// Get all sessions for a user
const userSessions = auth.getUserSessions("user-42");
console.log(`User has ${userSessions.length} active sessions`);

// Destroy a single session
const destroyed = auth.destroySession(session.id);
// Returns true if the session existed, false otherwise
console.log(destroyed, auth.destroySession(session.id));
store.close();

// --- The same as functions, for a program with one kind of session. They share one manager, in memory. ---
setSessionConfig({
  ttl: 7200, // Session TTL in seconds (default: 3600)
  refreshThreshold: 600, // Extend session if accessed within N seconds of expiry (default: 300)
  cookieName: "session_id", // For cookie-based sessions
  secure: true, // Only send over HTTPS
  sameSite: "Lax", // "Strict" | "Lax" | "None"
});

const config = getSessionConfig();
console.log(config.ttl, config.refreshThreshold, config.sameSite);

{
  // Create
  const session = createSession("user-42", { role: "admin" });

  // Read
  const s = getSession(session.id);
  console.log(s?.data.role);

  // Refresh (extend TTL)
  refreshSession(session.id);

  // Update data
  updateSession(session.id, { role: "moderator" });
  console.log(getSession(session.id)?.data.role);

  // Delete single
  destroySession(session.id);

  // Delete all sessions for a user
  createSession("user-42");
  console.log("ended:", destroyAllUserSessions("user-42"));

  // Clean up expired sessions (returns count of removed sessions)
  const removed = cleanupExpiredSessions();
  console.log("removed:", removed);

  // Get all sessions for a user
  const sessions = getUserSessions("user-42");
  console.log("sessions:", sessions.length);
}
