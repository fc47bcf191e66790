import { setTimeout as pause } from "node:timers/promises";
import { bodyParser } from "@koa/bodyparser";
import { Router } from "@koa/router";
import { devicesPage, homePage, isPassword } from "app-support";
import Koa from "koa";
import { sessionMiddleware } from "sojourn/koa";
import { options } from "./sessions.ts";

type Form = Readonly<Record<string, string>>;

const session = sessionMiddleware(options);
const app = new Koa();
app.use(session);
app.use(bodyParser());
const routes = new Router();

routes.get("/", (ctx) => {
  const { userId, data } = session.of(ctx);
  ctx.body = homePage(userId, data.note);
});

routes.post("/login", async (ctx) => {
  const { user = "", password } = ctx.request.body as Form;
  if (!isPassword(password)) {
    ctx.status = 401;
    ctx.body = homePage(null, undefined);
    return;
  }
  await session.of(ctx).login(user);
  seeOther(ctx, "/");
});

routes.post("/logout", async (ctx) => {
  await session.of(ctx).logout();
  seeOther(ctx, "/");
});

routes.post("/note", (ctx) => {
  const own = session.of(ctx);
  if (own.userId !== null) own.set("note", (ctx.request.body as Form)["note"] ?? "");
  seeOther(ctx, "/");
});

routes.post("/rotate", (ctx) => {
  session.of(ctx).rotate();
  seeOther(ctx, "/");
});

routes.get("/devices", async (ctx) => {
  ctx.body = devicesPage(await session.of(ctx).devices());
});

routes.post("/devices", async (ctx) => {
  await session.of(ctx).logoutDevice((ctx.request.body as Form)["id"] ?? "");
  seeOther(ctx, "/devices");
});

routes.get("/slow", async (ctx) => {
  await pause(Number(ctx.query["ms"]));
  ctx.body = session.of(ctx).userId ?? "nobody";
});

function seeOther(ctx: Koa.Context, path: string): void {
  ctx.status = 303;
  ctx.redirect(path);
}

app.use(routes.routes());
const port = Number(process.env["PORT"] ?? 3_000);
app.listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}`));
