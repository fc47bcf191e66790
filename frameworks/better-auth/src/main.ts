import { serve } from "@hono/node-server";
import { devicesPage, homePage } from "app-support";
import { Hono, type Context } from "hono";
import { csrf } from "hono/csrf";
import { HTTPException } from "hono/http-exception";
import { auth, notes } from "./auth.ts";

const app = new Hono().use(csrf());

/** The session of a request; what extends it goes into the answer. */
async function sessionOf(c: Context) {
  const { headers, response } = await auth.api.getSession({ headers: c.req.raw.headers, returnHeaders: true });
  for (const cookie of headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
  return response;
}

/** Goes on to a page, with the cookies of an answer of better-auth's. */
function goOn(c: Context, answer: Response) {
  if (!answer.ok) return c.text("refused", answer.status as 401);
  for (const cookie of answer.headers.getSetCookie()) c.header("Set-Cookie", cookie, { append: true });
  return c.redirect("/", 303);
}

app.on(["GET", "POST"], "/api/auth/*", (c) => auth.handler(c.req.raw));

app.get("/", async (c) => {
  const own = await sessionOf(c);
  if (own === null) return c.html(homePage(null, undefined));
  const note = await notes.get(own.session.id);
  return c.html(homePage(own.user.name, await note?.text()));
});

app.post("/login", async (c) => {
  const { user, password } = await c.req.parseBody<{ user: string; password: string }>();
  const email = `${user}@app.example`;
  await known(email, user);
  return goOn(
    c,
    await auth.api.signInEmail({ body: { email, password }, headers: c.req.raw.headers, asResponse: true }),
  );
});

/** Everybody has an account here. */
async function known(email: string, name: string): Promise<void> {
  const { internalAdapter } = await auth.$context;
  if ((await internalAdapter.findUserByEmail(email)) !== null) return;
  await auth.api.signUpEmail({ body: { email, name, password: "correct horse" } });
}

app.post("/logout", async (c) => goOn(c, await auth.api.signOut({ headers: c.req.raw.headers, asResponse: true })));

app.post("/note", async (c) => {
  const { note } = await c.req.parseBody<{ note: string }>();
  const own = await sessionOf(c);
  if (own !== null) await notes.put(own.session.id, note);
  return c.redirect("/", 303);
});

app.get("/devices", async (c) => {
  const own = await sessionOf(c);
  if (own === null) return c.redirect("/", 303);
  const all = await auth.api.listSessions({ headers: c.req.raw.headers });
  const devices = all.map(({ id, userAgent }) => ({
    id,
    current: id === own.session.id,
    device: { userAgent: userAgent ?? undefined },
  }));
  return c.html(devicesPage(devices));
});

app.post("/devices", async (c) => {
  const { id } = await c.req.parseBody<{ id: string }>();
  const { headers } = c.req.raw;
  // better-auth ends a session by its token, which no page should hold.
  const wanted = (await auth.api.listSessions({ headers })).find((session) => session.id === id);
  if (wanted !== undefined) await auth.api.revokeSession({ headers, body: { token: wanted.token } });
  return c.redirect("/devices", 303);
});

app.onError((error, c) => {
  if (error instanceof HTTPException) return error.getResponse();
  // better-auth says 500 where its storage is down.
  const { statusCode } = error as { statusCode?: number };
  return statusCode === 500 ? c.text("The store is down", 503) : c.text("failed", 500);
});

const port = Number(process.env["PORT"] ?? 3_000);
serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, () => console.log(`http://localhost:${port}`));
