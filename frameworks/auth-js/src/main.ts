import { createServer } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { devicesPage, homePage, identityProvider } from "app-support";
import { Hono } from "hono";
import { deleteCookie } from "hono/cookie";
import { sessionMiddleware } from "sojourn/hono";
import { authRoutes, signedIn, signIn } from "./auth.ts";
import { options } from "./sessions.ts";

const app = new Hono()
  .all("/auth/*", (c) => authRoutes(c.req.raw))
  .use(sessionMiddleware(options))
  .get("/login", (c) => signIn(c.req.raw, "idp"))
  .get("/signed-in", async (c) => {
    const userId = await signedIn(c.req.raw);
    if (userId !== undefined) await c.var.session.login(userId);
    deleteCookie(c, "authjs.session-token");
    return c.redirect("/", 303);
  })
  .post("/logout", async (c) => {
    await c.var.session.logout();
    return c.redirect("/", 303);
  })
  .get("/", (c) => c.html(homePage(c.var.session.userId, c.var.session.get("note"), "/idp/login")))
  .post("/note", async (c) => {
    const { note } = await c.req.parseBody<{ note: string }>();
    if (c.var.session.userId !== null) c.var.session.set("note", note);
    return c.redirect("/", 303);
  })
  .post("/rotate", (c) => {
    c.var.session.rotate();
    return c.redirect("/", 303);
  })
  .get("/devices", async (c) => c.html(devicesPage(await c.var.session.devices())))
  .post("/devices", async (c) => {
    const { id } = await c.req.parseBody<{ id: string }>();
    await c.var.session.logoutDevice(id);
    return c.redirect("/devices", 303);
  })
  .get("/slow", async (c) => {
    await pause(Number(c.req.query("ms")));
    return c.text(c.var.session.userId ?? "nobody");
  });

const idp = identityProvider("/login");
const listener = getRequestListener(app.fetch);
const port = Number(process.env["PORT"] ?? 3_000);
createServer((request, response) =>
  request.url?.startsWith("/idp/") ? idp(request, response) : void listener(request, response),
).listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}`));
