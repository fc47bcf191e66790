/**
 * An Express app with express-session, as it may be there already; the store is the one line that is new.
 *
 * Ann logs in, looks at her profile, and logs out while another request of hers is still at work: it does not bring
 * her session back.
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express, { type Request } from "express";
import session from "express-session";
import { memoryStore } from "sojourn";
import { SessionStore } from "sojourn/express-session";

declare module "express-session" {
  interface SessionData {
    user?: string;
    report?: string;
  }
}

const sessions = new SessionStore({ store: memoryStore(), ttl: "30m", owner: ({ user }) => user });
const app = express();
app.use(session({ secret: "a secret of yours", resave: false, saveUninitialized: false, store: sessions }));

app.post("/login/:user", (req: Request<{ user: string }>, res, next) => {
  // A new id at login, so that nobody who knew the one of before is let in.
  req.session.regenerate((failed) => {
    if (failed) return next(failed);
    req.session.user = req.params.user;
    return req.session.save((error) => (error ? next(error) : res.send(`welcome, ${req.params.user}`)));
  });
});
app.get("/profile", (req, res) => {
  if (req.session.user === undefined) res.status(401).send("please log in");
  else res.send(`the profile of ${req.session.user}`);
});
const [started, start] = latch();
const [finish, finished] = latch();
app.post("/report", async (req, res) => {
  start();
  await finish;
  req.session.report = "ready";
  res.send("the report is ready");
});
app.post("/logout", (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.send("goodbye")));
});

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

const login = await fetch(`${url}/login/ann`, { method: "POST" });
const cookie = login.headers.getSetCookie()[0]?.split(";")[0] ?? "";
const ask = async (path: string, method = "POST"): Promise<string> =>
  (await fetch(url + path, { method, headers: { cookie } })).text();

console.log(await login.text());
console.log(await ask("/profile", "GET"));
const report = ask("/report");
await started;
console.log(await ask("/logout"));
finished();
console.log(await report);
console.log(await ask("/profile", "GET"));

// Bob logs in on two devices, and changes his password.
await fetch(`${url}/login/bob`, { method: "POST" });
await fetch(`${url}/login/bob`, { method: "POST" });
console.log("bob's sessions that have ended:", await sessions.destroyByUser("bob"));
console.log("sessions:", await sessions.length());
server.close();

function latch(): [opened: Promise<void>, open: () => void] {
  const { promise, resolve } = Promise.withResolvers<void>();
  return [promise, resolve];
}
