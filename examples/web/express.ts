/** Login, profile and logout in Express. Run it with `node examples/web/express.ts` after `npm run build`. */
import type { AddressInfo } from "node:net";
import express from "express";
import { sessionMiddleware } from "sojourn/express";
import { options, port } from "./open-sessions.ts";

const session = sessionMiddleware(options);
const app = express().use(session);

app.post("/login", async (req, res) => {
  await session.of(req).login("42", { role: "admin" });
  res.json({ logged_in: true });
});

app.get("/profile", (req, res) => {
  const { userId } = session.of(req);
  if (userId === null) res.status(401).json({ error: "not logged in" });
  else res.json({ user_id: userId });
});

app.post("/logout", async (req, res) => {
  await session.of(req).logout();
  res.json({ logged_out: true });
});

const server = app.listen(port, "127.0.0.1", () =>
  console.log(`Express on http://localhost:${(server.address() as AddressInfo).port}`),
);
