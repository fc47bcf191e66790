import { setTimeout as pause } from "node:timers/promises";
import { devicesPage, homePage, isPassword } from "app-support";
import { H3, html, raw, redirect, serve } from "h3";
import { sessionMiddleware } from "sojourn/h3";
import { options } from "./sessions.ts";

const session = sessionMiddleware(options);
const app = new H3().use(session);

app.get("/", (event) => {
  const { userId, data } = session.of(event);
  return html(raw(homePage(userId, data.note)));
});

app.post("/login", async (event) => {
  const form = await event.req.formData();
  if (!isPassword(form.get("password"))) {
    event.res.status = 401;
    return html(raw(homePage(null, undefined)));
  }
  await session.of(event).login(String(form.get("user")));
  return redirect("/", 303);
});

app.post("/logout", async (event) => {
  await session.of(event).logout();
  return redirect("/", 303);
});

app.post("/note", async (event) => {
  const form = await event.req.formData();
  const own = session.of(event);
  if (own.userId !== null) own.set("note", String(form.get("note")));
  return redirect("/", 303);
});

app.post("/rotate", (event) => {
  session.of(event).rotate();
  return redirect("/", 303);
});

app.get("/devices", async (event) => html(raw(devicesPage(await session.of(event).devices()))));

app.post("/devices", async (event) => {
  const form = await event.req.formData();
  await session.of(event).logoutDevice(String(form.get("id")));
  return redirect("/devices", 303);
});

app.get("/slow", async (event) => {
  await pause(Number(event.url.searchParams.get("ms")));
  return session.of(event).userId ?? "nobody";
});

const server = serve(app, { port: Number(process.env["PORT"] ?? 3_000), hostname: "127.0.0.1", silent: true });
await server.ready();
console.log(server.url);
