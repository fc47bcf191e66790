import { setTimeout as pause } from "node:timers/promises";
import { devicesPage, homePage, isPassword } from "app-support";
import { Elysia, t } from "elysia";
import { sessionPlugin } from "sojourn/elysia";
import { options } from "./sessions.ts";

const html = (page: string, init?: ResponseInit): Response =>
  new Response(page, { ...init, headers: { "Content-Type": "text/html; charset=utf-8" } });
const seeOther = (path: string): Response => new Response(null, { status: 303, headers: { Location: path } });

export const app = new Elysia()
  .use(sessionPlugin(options))
  .get("/", ({ session }) => html(homePage(session.userId, session.data.note)))
  .post(
    "/login",
    async ({ session, body }) => {
      if (!isPassword(body.password)) return html(homePage(null, undefined), { status: 401 });
      await session.login(body.user);
      return seeOther("/");
    },
    { body: t.Object({ user: t.String(), password: t.String() }) },
  )
  .post("/logout", async ({ session }) => {
    await session.logout();
    return seeOther("/");
  })
  .post(
    "/note",
    ({ session, body }) => {
      if (session.userId !== null) session.set("note", body.note);
      return seeOther("/");
    },
    { body: t.Object({ note: t.String() }) },
  )
  .post("/rotate", ({ session }) => {
    session.rotate();
    return seeOther("/");
  })
  .get("/devices", async ({ session }) => html(devicesPage(await session.devices())))
  .post(
    "/devices",
    async ({ session, body }) => {
      await session.logoutDevice(body.id);
      return seeOther("/devices");
    },
    { body: t.Object({ id: t.String() }) },
  )
  .get("/slow", async ({ session, query }) => {
    await pause(Number(query["ms"]));
    return session.userId ?? "nobody";
  });
