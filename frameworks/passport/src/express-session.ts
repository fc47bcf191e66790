/** The same with express-session over our stores: for strategies that keep their state in `req.session`. */
import { homePage, isPassword, openStore } from "app-support";
import express, { type RequestHandler } from "express";
import session, { type SessionData } from "express-session";
import passport from "passport";
import { Strategy } from "passport-local";
import { SessionStore } from "sojourn/express-session";

declare module "express-session" {
  interface SessionData {
    passport: { user?: string };
    note: string;
  }
}

passport.use(
  new Strategy({ usernameField: "user" }, (name, password, done) =>
    done(null, isPassword(password) ? { id: name } : false),
  ),
);
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id: string, done) => done(null, { id }));

const ttl = Number(process.env["SESSION_TTL_SECONDS"] ?? 1_800);
const store = new SessionStore({
  store: await openStore(),
  ttl: `${ttl}s`,
  // For `store.destroyByUser(id)`: log out everywhere.
  owner: (data: SessionData) => data.passport?.user,
});

/** express-session does not look whose form it is. */
const sameOrigin: RequestHandler = (req, res, next) => {
  const site = req.get("Sec-Fetch-Site") ?? "none";
  const isSafe = ["GET", "HEAD", "OPTIONS"].includes(req.method);
  if (isSafe || site === "same-origin" || site === "none") next();
  else res.status(403).send("The request was made by another site");
};

const app = express();
app.use(sameOrigin);
app.use(
  session({
    store,
    secret: process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only",
    resave: false,
    saveUninitialized: false,
    rolling: true,
    cookie: { sameSite: "lax", httpOnly: true, secure: "auto", maxAge: ttl * 1_000 },
  }),
);
app.use(passport.session());
app.use(express.urlencoded());

app.post("/login", passport.authenticate("local", { successRedirect: "/" }));

app.post("/logout", (req, res, next) => {
  req.session.destroy((error) => (error ? next(error) : res.clearCookie("connect.sid").redirect(303, "/")));
});

app.get("/", (req, res) => {
  res.send(homePage(req.user?.id ?? null, req.session.note));
});

app.post("/note", (req, res) => {
  if (req.user !== undefined) req.session.note = req.body.note;
  res.redirect(303, "/");
});

const port = Number(process.env["PORT"] ?? 3_000);
app.listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}`));
