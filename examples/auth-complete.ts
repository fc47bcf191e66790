/**
 * Login, session middleware, a dashboard and logout, and a client that goes through them. After `npm run build`:
 *
 *     JWT_SECRET=$(openssl rand -base64 32) node examples/auth-complete.ts [sessions.db]
 */
import { createAuth } from "sojourn/auth";
import { tinyApp } from "./auth-app.ts";
import { store } from "./auth-store.ts";

const app = tinyApp();

const auth = createAuth({
  jwtSecret: process.env.JWT_SECRET!,
  sessionTtl: 86400, // 24 hours
  sessionRefreshThreshold: 3600, // Auto-refresh within 1 hour of expiry
  store,
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

// --- A client ---
const { url, close } = await app.listen();
const call = async (method: string, path: string, sessionId?: string, body?: unknown) => {
  const response = await fetch(url + path, {
    method,
    headers: sessionId === undefined ? {} : { "X-Session-Id": sessionId },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
};

const login = await call("POST", "/login", undefined, { userId: "user-42" });
const sessionId = login.body["sessionId"];
console.log("login:", login.status, Object.keys(login.body).join(", "));
console.log("access token for:", (await auth.verifyToken(login.body["accessToken"]))?.sub);

const dashboard = await call("GET", "/dashboard", sessionId);
console.log("dashboard:", dashboard.status, dashboard.body["message"]);
console.log("logged in today:", Date.now() - Date.parse(dashboard.body["lastLogin"] ?? "") < 86_400_000);

const [listed] = auth.getUserSessions("user-42");
console.log("sessions:", auth.getUserSessions("user-42").length);
console.log("with the id that is listed:", (await call("GET", "/dashboard", listed?.id)).status);
console.log("without a session:", (await call("GET", "/dashboard")).status);

const logout = await call("POST", "/logout", sessionId);
console.log("logout:", logout.status, logout.body["message"]);
const after = await call("GET", "/dashboard", sessionId);
console.log("dashboard:", after.status, after.body["error"]);

close();
store.close();
