/** Login and logout in Express, for the programs of this folder: sockets come beside an app, and end with its sessions. */
import express, { type Express } from "express";
import { sessionMiddleware } from "sojourn/express";
import { options } from "../web/open-sessions.ts";

const session = sessionMiddleware(options);

export const app: Express = express().use(session);

app.post("/login", async (req, res) => {
  await session.of(req).login("42", { role: "admin" });
  res.json({ logged_in: true });
});

app.post("/logout", async (req, res) => {
  await session.of(req).logout();
  res.json({ logged_out: true });
});
