import { setTimeout as pause } from "node:timers/promises";
import { devicesPage, homePage, identityProvider, isPassword } from "app-support";
import express from "express";
import passport from "passport";
import { Strategy } from "passport-local";
import { Strategy as OAuth2Strategy, type VerifyCallback } from "passport-oauth2";
import { oauthState } from "./oauth.ts";
import { session } from "./sessions.ts";

declare global {
  namespace Express {
    interface User {
      id: string;
    }
  }
}

passport.use(
  new Strategy({ usernameField: "user" }, (name, password, done) =>
    done(null, isPassword(password) ? { id: name } : false),
  ),
);

const port = Number(process.env["PORT"] ?? 3_000);
const origin = `http://localhost:${port}`;

passport.use(
  new OAuth2Strategy(
    {
      authorizationURL: `${origin}/idp/authorize`,
      tokenURL: `${origin}/idp/token`,
      clientID: "app",
      clientSecret: "the provider gives it",
      callbackURL: `${origin}/oauth/callback`,
      pkce: true,
      state: true,
      store: oauthState,
    },
    (accessToken: string, _refreshToken: string, _profile: unknown, done: VerifyCallback) => {
      const bearer = { headers: { authorization: `Bearer ${accessToken}` } };
      void fetch(`${origin}/idp/userinfo`, bearer)
        .then(async (answer) => answer.json() as Promise<{ sub: string }>)
        .then(({ sub }) => done(null, { id: sub }), done);
    },
  ),
);

const app = express();
app.use("/idp", identityProvider("/oauth"));
app.use(session).use(express.urlencoded());

app.use((req, _res, next) => {
  const { userId } = session.of(req);
  if (userId !== null) req.user = { id: userId };
  next();
});

app.post("/login", passport.authenticate("local", { session: false }), async (req, res) => {
  await session.of(req).login(req.user!.id);
  res.redirect(303, "/");
});

app.get("/oauth", passport.authenticate("oauth2", { session: false }));

app.get("/oauth/callback", passport.authenticate("oauth2", { session: false }), async (req, res) => {
  await session.of(req).login(req.user!.id);
  res.redirect(303, "/");
});

app.post("/logout", async (req, res) => {
  await session.of(req).logout();
  res.redirect(303, "/");
});

app.get("/", (req, res) => {
  res.send(homePage(req.user?.id ?? null, session.of(req).get("note")));
});

app.post("/note", (req, res) => {
  if (req.user !== undefined) session.of(req).set("note", req.body.note);
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
  res.type("text").send(req.user?.id ?? "nobody");
});

app.listen(port, "127.0.0.1", () => console.log(origin));
