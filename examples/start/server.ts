import { scryptSync, timingSafeEqual } from "node:crypto";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { html } from "hono/html";
import { createSessions } from "sojourn";
import { sessionMiddleware } from "sojourn/hono";
import { sqliteStore } from "sojourn/sqlite";

const development = process.env["NODE_ENV"] !== "production";
const key = process.env["SESSION_KEY"] ?? (development ? "only for this machine: 32 bytes or more" : undefined);
if (key === undefined) throw new Error("Expected SESSION_KEY; `openssl rand -base64 32` prints one");

const sessions = createSessions<{ visits: number }>({
  store: sqliteStore({ path: process.env["SESSIONS_FILE"] ?? "./sessions.db" }),
  ttl: "12h", // without a visit
  absoluteTtl: "30d",
});

// Stands for your table of users: a name, and the hash of a password.
const users = new Map([["ann", scryptSync("correct horse", "ann", 32)]]);
function isPassword(name: string, password: string): boolean {
  const hash = scryptSync(password, name, 32);
  // For a name that is not there, it takes as long.
  return timingSafeEqual(users.get(name) ?? hash, hash) && users.has(name);
}

const app = new Hono().use(sessionMiddleware({ sessions, keys: [key], development }));

app.get("/", (c) => {
  const { session } = c.var;
  if (session.userId === null) {
    return c.html(
      html`<form method="post" action="/login">
        <input name="name" /><input name="password" type="password" /><button>Log in</button>
      </form>`,
    );
  }
  session.set("visits", (session.get("visits") ?? 0) + 1);
  return c.html(
    html`<p>Hello, ${session.userId}. This is visit ${session.get("visits")}.</p>
      <form method="post" action="/logout"><button>Log out</button></form>
      <form method="post" action="/logout-others"><button>Log out everywhere else</button></form>`,
  );
});

app.post("/login", async (c) => {
  const { name, password } = await c.req.parseBody();
  if (typeof name !== "string" || typeof password !== "string" || !isPassword(name, password)) {
    return c.text("Wrong name or password", 401);
  }
  await c.var.session.login(name, { visits: 0 });
  return c.redirect("/", 303);
});

app.post("/logout", async (c) => {
  await c.var.session.logout();
  return c.redirect("/", 303);
});

app.post("/logout-others", async (c) => {
  await c.var.session.logoutOthers();
  return c.redirect("/", 303);
});

// Asked from this machine only: in production, by a proxy on it that has TLS.
const address = { hostname: process.env["HOST"] ?? "127.0.0.1", port: Number(process.env["PORT"] ?? 3000) };
const server = serve({ fetch: app.fetch, ...address }, ({ port }) => console.log(`http://localhost:${port}`));
// What runs is answered; every session is on the disk already.
process.on("SIGTERM", () => server.close());
