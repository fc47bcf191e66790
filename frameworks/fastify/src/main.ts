import { setTimeout as pause } from "node:timers/promises";
import formBody from "@fastify/formbody";
import { devicesPage, homePage, isPassword } from "app-support";
import Fastify from "fastify";
import { sessionPlugin } from "sojourn/fastify";
import { options } from "./sessions.ts";

type Form = { readonly Body: Readonly<Record<string, string>> };

const session = sessionPlugin(options);
const app = Fastify();
await app.register(session);
await app.register(formBody);

app.get("/", async (request, reply) => {
  const { userId, data } = session.of(request);
  return reply.type("text/html").send(homePage(userId, data.note));
});

app.post<Form>("/login", async (request, reply) => {
  const { user = "", password } = request.body;
  if (!isPassword(password)) return reply.code(401).type("text/html").send(homePage(null, undefined));
  await session.of(request).login(user);
  return reply.redirect("/", 303);
});

app.post("/logout", async (request, reply) => {
  await session.of(request).logout();
  return reply.redirect("/", 303);
});

app.post<Form>("/note", async (request, reply) => {
  const own = session.of(request);
  if (own.userId !== null) own.set("note", request.body["note"] ?? "");
  return reply.redirect("/", 303);
});

app.post("/rotate", async (request, reply) => {
  session.of(request).rotate();
  return reply.redirect("/", 303);
});

app.get("/devices", async (request, reply) =>
  reply.type("text/html").send(devicesPage(await session.of(request).devices())),
);

app.post<Form>("/devices", async (request, reply) => {
  await session.of(request).logoutDevice(request.body["id"] ?? "");
  return reply.redirect("/devices", 303);
});

app.get<{ Querystring: { ms: number } }>("/slow", async (request) => {
  await pause(Number(request.query.ms));
  return session.of(request).userId ?? "nobody";
});

const port = Number(process.env["PORT"] ?? 3_000);
await app.listen({ port, host: "127.0.0.1" });
console.log(`http://localhost:${port}`);
