import { setTimeout as pause } from "node:timers/promises";
import { devicesPage, homePage, isPassword } from "app-support";
import { Hono } from "hono";
import type { Mode } from "sojourn";
import { sessionMiddleware, type SessionEnv, type SessionMiddlewareOptions } from "sojourn/hono";
import type { Data } from "./sessions.ts";

/** The app, wherever its sessions are kept. */
export const createApp = (options: SessionMiddlewareOptions<Data, Mode>): Hono<SessionEnv<Data>> =>
  new Hono<SessionEnv<Data>>()
    .use(sessionMiddleware(options))
    .get("/", (c) => c.html(homePage(c.var.session.userId, c.var.session.get("note"))))
    .post("/login", async (c) => {
      const { user, password } = await c.req.parseBody<{ user: string; password: string }>();
      if (!isPassword(password)) return c.html(homePage(null, undefined), 401);
      await c.var.session.login(user);
      return c.redirect("/", 303);
    })
    .post("/logout", async (c) => {
      await c.var.session.logout();
      return c.redirect("/", 303);
    })
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
