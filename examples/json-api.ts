/**
 * A JSON API for programs: notes, with bearer tokens in place of cookies. Users see and end their own sessions, an
 * admin those of everybody. After `npm run build`:
 *
 *     node examples/json-api.ts
 *     STORE=sqlite:./api.db node examples/json-api.ts
 *     STORE=redis://127.0.0.1:6379 node examples/json-api.ts
 *
 *     curl -X POST localhost:3000/login -H 'content-type: application/json' -d '{"user":"ann","password":"secret of ann"}'
 *     curl localhost:3000/notes -H 'authorization: Bearer <token>'
 */
import type { AddressInfo } from "node:net";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import { createSessions, SojournError, type Session } from "sojourn";
import { sessionMiddleware } from "sojourn/express";
import { openStore } from "./open-store.ts";

interface Data {
  role: "user" | "admin";
  notes: string[];
}

const sessions = createSessions<Data>({
  store: await openStore(process.env["STORE"] ?? "memory:", "api"),
  ttl: "30m",
  absoluteTtl: "30d",
});
const session = sessionMiddleware({
  sessions,
  keys: [process.env["SESSION_KEY"] ?? "a key that everybody knows, for this example only"],
  bearer: true,
  cookie: false,
});

const app = express();
app.use(express.json(), session);

/** In a real API: the password's hash, from the database. */
const isRight = (user: unknown, password: unknown): user is string =>
  typeof user === "string" && ["ann", "bob", "root"].includes(user) && password === `secret of ${user}`;

app.post("/login", async (req, res) => {
  const { user, password } = Object(req.body) as { readonly user?: unknown; readonly password?: unknown };
  if (isRight(user, password)) {
    const role = user === "root" ? "admin" : "user";
    const { token, expiresAt } = await session.of(req).login(user, { role, notes: [] });
    res.status(201).json({ token, expiresAt });
  } else {
    res.status(401).json({ error: "wrong user or password" });
  }
});

const loggedIn: RequestHandler = (req, res, next) => {
  if (session.of(req).userId !== null) return next();
  res.status(401).set("WWW-Authenticate", "Bearer").json({ error: "not logged in" });
};

app.get("/me", loggedIn, (req, res) => {
  const { id, userId, expiresAt, data } = session.of(req);
  res.json({ user: userId, role: data.role, session: id, expiresAt });
});
app.get("/devices", loggedIn, async (req, res) => {
  res.json(await session.of(req).devices());
});
app.delete("/devices/:id", loggedIn, async (req, res) => {
  // Only the user's own: an id is no secret, and another user may know it.
  res.status((await session.of(req).logoutDevice(String(req.params["id"]))) ? 204 : 404).end();
});

app.get("/notes", loggedIn, (req, res) => {
  res.json(session.of(req).get("notes") ?? []);
});
app.post("/notes", loggedIn, (req, res) => {
  const { note } = Object(req.body) as { readonly note?: unknown };
  if (typeof note === "string") {
    const own = session.of(req);
    own.set("notes", [...(own.get("notes") ?? []), note]);
    res.status(201).json({ note });
  } else {
    res.status(400).json({ error: "expected { note: string }" });
  }
});
app.post("/logout", loggedIn, async (req, res) => {
  const { everywhere } = Object(req.body) as { readonly everywhere?: unknown };
  await session.of(req).logout({ everywhere: everywhere === true });
  res.status(204).end();
});

/** What may be shown of a session: its id names it, and lets nobody in. */
const shown = ({ id, userId, device, createdAt, lastAccessedAt, expiresAt }: Session<Data>) => ({
  id,
  user: userId,
  device,
  createdAt,
  lastAccessedAt,
  expiresAt,
});

const admin: RequestHandler = (req, res, next) => {
  if (session.of(req).get("role") === "admin") return next();
  res.status(403).json({ error: "for admins only" });
};

app.get("/admin/users/:user/sessions", loggedIn, admin, async (req, res) => {
  res.json((await sessions.listByUser(String(req.params["user"]))).map(shown));
});
app.delete("/admin/users/:user/sessions", loggedIn, admin, async (req, res) => {
  // Also a login that is on its way when this is called does not get through.
  res.json({ ended: await sessions.destroyByUser(String(req.params["user"])) });
});
app.delete("/admin/sessions/:id", loggedIn, admin, async (req, res) => {
  res.status((await sessions.destroy(String(req.params["id"]))) ? 204 : 404).end();
});

/** A store that is down is a 503, and nobody is logged out by it. */
const answerError: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent || !(error instanceof SojournError)) return next(error);
  res.status(error.status).json({ error: error.code });
};
app.use(answerError);

const server = app.listen(Number(process.env["PORT"] ?? 3_000), "127.0.0.1", () =>
  console.log(`The API is on http://localhost:${(server.address() as AddressInfo).port}`),
);
process.once("SIGTERM", () => server.close());
