/**
 * The programs of Kyrin's page "Session Management", as that prints them. Only the import differs, and `app` is a
 * stand-in for its framework. After `npm run build`:
 *
 *     JWT_SECRET=$(openssl rand -base64 32) node examples/pages/kyrin-session-management.ts
 */
import { createAuth } from "sojourn/auth";
import { setSessionConfig, getSessionConfig } from "sojourn/auth";
import {
  createSession,
  getSession,
  refreshSession,
  updateSession,
  destroySession,
  destroyAllUserSessions,
  getUserSessions,
  cleanupExpiredSessions,
} from "sojourn/auth";
import { tinyApp } from "../auth-app.ts";

// --- Session Interface ---
interface Session {
  id: string; // Unique session ID (auto-generated)
  userId: string; // The authenticated user's ID
  data: SessionData; // Custom payload
  createdAt: number; // Creation timestamp (ms)
  expiresAt: number; // Expiry timestamp (ms)
  lastAccessedAt: number; // Last access timestamp (ms)
}

interface SessionData {
  userId: string;
  role?: string;
  [key: string]: unknown; // Any additional data you want to store
}

{
  // --- Creating Sessions ---
  const auth = createAuth({ jwtSecret: "my-secret" });

  // Create a session with custom data
  const session = auth.createSession("user-42", {
    role: "admin",
    ip: "192.168.1.1",
    lastLogin: Date.now(),
  });

  console.log(session.id.slice(0, 5)); // "sess_abc123...", whole; here its beginning, since the id is a secret
  console.log(session.userId); // "user-42"
  console.log(session.data.role); // "admin"
  console.log(session.data.ip); // "192.168.1.1"
  console.log(session.expiresAt > Date.now()); // e.g. 1744000000000 (ms timestamp)

  const asOnThePage: Session = session;
  console.log(Object.keys(asOnThePage).join(" "));
}

const auth = createAuth({ jwtSecret: "my-secret" });
{
  // --- Retrieving Sessions ---
  const session = auth.getSession("sess_abc123");

  if (session) {
    console.log(session.data);
  } else {
    // Session not found or expired
    console.log("Session expired or invalid");
  }
}

const { id } = auth.createSession("user-42");
{
  // --- Refreshing Sessions ---
  const refreshed = auth.refreshSession(id);

  if (refreshed) {
    console.log("New expiry:", refreshed.expiresAt > Date.now());
  }
}
{
  // --- Updating Sessions ---
  const updated = auth.updateSession(id, {
    lastActivity: Date.now(),
    page: "/dashboard",
  });

  if (updated) {
    console.log("Session updated:", updated.data["page"]);
  }
}
{
  // Get all sessions for a user
  const userSessions = auth.getUserSessions("user-42");
  console.log(`User has ${userSessions.length} active sessions`);

  // --- Destroying Sessions ---
  // Destroy a single session
  const destroyed = auth.destroySession(id);
  // Returns true if the session existed, false otherwise
  console.log(destroyed, auth.destroySession(id));
}

// --- Configuration ---
setSessionConfig({
  ttl: 7200, // Session TTL in seconds (default: 3600)
  refreshThreshold: 600, // Extend session if accessed within N seconds of expiry (default: 300)
  cookieName: "session_id", // For cookie-based sessions
  secure: true, // Only send over HTTPS
  sameSite: "Lax", // "Strict" | "Lax" | "None"
});

const config = getSessionConfig();
console.log(config.ttl, config.refreshThreshold, config.cookieName, config.secure, config.sameSite);

{
  // --- Session CRUD ---
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
  destroyAllUserSessions("user-42");

  // Clean up expired sessions (returns count of removed sessions)
  const removed = cleanupExpiredSessions();

  // Get all sessions for a user
  const sessions = getUserSessions("user-42");
  console.log(removed, sessions.length);
}

const app = tinyApp();
{
  // --- Complete Example ---
  const auth = createAuth({
    jwtSecret: process.env.JWT_SECRET!,
    sessionTtl: 86400, // 24 hours
    sessionRefreshThreshold: 3600, // Auto-refresh within 1 hour of expiry
  });

  // --- Login ---
  app.post("/login", async (c) => {
    const { userId } = await c.body();

    // Sign JWT
    const tokens = await auth.signToken(userId);

    // Create session
    const session = auth.createSession(userId, {
      loginTime: Date.now(),
    });

    return c.json({
      accessToken: tokens.accessToken,
      sessionId: session.id,
    });
  });

  // --- Session middleware ---
  app.use(async (c, next) => {
    const sessionId = c.req.headers.get("X-Session-Id");

    if (sessionId) {
      // This auto-refreshes if within refresh threshold
      const session = auth.getSession(sessionId);

      if (session) {
        c.store.session = session;

        // Refresh if close to expiry
        auth.refreshSession(sessionId);
      }
    }

    await next();
  });

  // --- Dashboard (requires session) ---
  app.get("/dashboard", async (c) => {
    const session = c.store.session;

    if (!session) {
      return c.json({ error: "No active session" }, 401);
    }

    return c.json({
      message: `Welcome back, ${session.userId}!`,
      lastLogin: new Date(session.data.loginTime).toISOString(),
    });
  });

  // --- Logout ---
  app.post("/logout", async (c) => {
    const sessionId = c.req.headers.get("X-Session-Id");

    if (sessionId) {
      auth.destroySession(sessionId);
    }

    return c.json({ message: "Logged out" });
  });
}

// --- A client of the complete example ---
const { url, close } = await app.listen();
const call = async (method: string, path: string, sessionId = ""): Promise<Record<string, string>> => {
  const body = method === "POST" ? JSON.stringify({ userId: "user-42" }) : null;
  const response = await fetch(url + path, { method, headers: { "X-Session-Id": sessionId }, body });
  return (await response.json()) as Record<string, string>;
};
const login = await call("POST", "/login");
console.log(login["accessToken"]?.split(".").length, login["sessionId"]?.slice(0, 5));
const dashboard = await call("GET", "/dashboard", login["sessionId"]);
console.log(dashboard["message"], Date.now() - Date.parse(dashboard["lastLogin"] ?? "") < 86_400_000);
console.log((await call("GET", "/dashboard"))["error"]);
console.log((await call("POST", "/logout", login["sessionId"]))["message"]);
console.log((await call("GET", "/dashboard", login["sessionId"]))["error"]);
close();
