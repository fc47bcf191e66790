import { setTimeout as pause } from "node:timers/promises";
import { devicesPage, homePage, isPassword } from "app-support";
import express, { type ErrorRequestHandler } from "express";
import { sessionMiddleware } from "sojourn/express";
import { options } from "./sessions.ts";

const session = sessionMiddleware(options);
const app = express().use(session).use(express.urlencoded());

app.get("/", (req, res) => {
  const { userId, data } = session.of(req);
  res.send(homePage(userId, data.note));
});

app.post("/login", async (req, res) => {
  if (!isPassword(req.body.password)) return void res.status(401).send(homePage(null, undefined));
  await session.of(req).login(req.body.user);
  res.redirect(303, "/");
});

app.post("/logout", async (req, res) => {
  await session.of(req).logout();
  res.redirect(303, "/");
});

app.post("/note", (req, res) => {
  const own = session.of(req);
  if (own.userId !== null) own.set("note", req.body.note);
  res.redirect(303, "/");
});

app.post("/rotate", (req, res) => {
  session.of(req).rotate();
  res.redirect(303, "/");
});

app.get("/devices", async (req, res) => {
  res.send(devicesPage(await session.of(req).devices()));
});

app.post("/devices", async (req, res) => {
  await session.of(req).logoutDevice(req.body.id);
  res.redirect(303, "/devices");
});

app.get("/slow", async (req, res) => {
  await pause(Number(req.query["ms"]));
  res.type("text").send(session.of(req).userId ?? "nobody");
});

const answerError: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error);
  res.status(error.status ?? 500).send(error.status === undefined ? "failed" : error.message);
};
app.use(answerError);

const port = Number(process.env["PORT"] ?? 3_000);
app.listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}`));
