/** `sojourn/cookies`: under Hono, Express and Fastify, and on bare Node. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { createSessions, type Mode, type Sessions, type Store } from "sojourn";
import { cookieSessions, type RequestSession } from "sojourn/cookies";
import { sessionMiddleware as expressSessions } from "sojourn/express";
import { sessionPlugin } from "sojourn/fastify";
import { sessionMiddleware, type SessionEnv } from "sojourn/hono";
import type { HeldWrites, Routes, Running, Subject, Visit } from "../subject.ts";
import { countedStore, remoteStore } from "./counted.ts";
import { listenHono } from "./hono.ts";

type Data = Record<string, unknown>;
const keys = ["a secret of the races, 32 bytes and more"];

/** What a server is built on. */
interface Base {
  readonly store: Store;
  readonly held?: HeldWrites;
  writes(): number;
}

export const withHono = (): Subject => subject("sojourn, Hono", countedStore, startHono);
export const withRemoteHono = (): Subject =>
  subject("sojourn, Hono, a store that answers later", remoteStore, startHono);
export const withExpress = (): Subject => subject("sojourn, Express", countedStore, startExpress);
export const withRemoteExpress = (): Subject =>
  subject("sojourn, Express, a store that answers later", remoteStore, startExpress);
export const withFastify = (): Subject => subject("sojourn, Fastify", countedStore, startFastify);
export const withRemoteFastify = (): Subject =>
  subject("sojourn, Fastify, a store that answers later", remoteStore, startFastify);
export const withNode = (): Subject => subject("sojourn, node:http", countedStore, startNode);
export const withRemoteNode = (): Subject =>
  subject("sojourn, node:http, a store that answers later", remoteStore, startNode);

type Start = (sessions: Sessions<Data, Mode>, routes: Routes) => Promise<Pick<Running, "url" | "close">>;

function subject(name: string, open: () => Base, start: Start): Subject {
  return {
    name,
    async start(routes) {
      const { store, held, writes } = open();
      const sessions = createSessions<Data>({ store });
      const server = await start(sessions, routes);
      return { ...server, writes, stored: () => sessions.count(), ...(held && { held }) };
    },
  };
}

async function startHono(sessions: Sessions<Data, Mode>, routes: Routes): ReturnType<Start> {
  const app = new Hono<SessionEnv<Data>>();
  app.use(sessionMiddleware({ sessions, keys }));
  for (const [path, route] of Object.entries(routes)) {
    app.get(path, async (c) => {
      const answer = await route(visitOf(c.var.session));
      return typeof answer === "string" ? c.text(answer) : c.redirect(answer.redirect);
    });
  }
  return listenHono(app);
}

async function startExpress(sessions: Sessions<Data, Mode>, routes: Routes): ReturnType<Start> {
  const app = express();
  const middleware = expressSessions({ sessions, keys });
  app.use(middleware);
  for (const [path, route] of Object.entries(routes)) {
    app.get(path, async (req, res) => {
      const answer = await route(visitOf(middleware.of(req)));
      if (typeof answer === "string") res.send(answer);
      else res.redirect(answer.redirect);
    });
  }
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return runningServer(server);
}

async function startFastify(sessions: Sessions<Data, Mode>, routes: Routes): ReturnType<Start> {
  const app = fastify();
  const plugin = sessionPlugin({ sessions, keys });
  await app.register(plugin);
  for (const [path, route] of Object.entries(routes)) {
    app.get(path, async (request, reply) => {
      const answer = await route(visitOf(plugin.of(request)));
      return typeof answer === "string" ? reply.send(answer) : reply.redirect(answer.redirect);
    });
  }
  return { url: await app.listen({ host: "127.0.0.1", port: 0 }), close: async () => app.close() };
}

async function startNode(sessions: Sessions<Data, Mode>, routes: Routes): ReturnType<Start> {
  const web = cookieSessions({ sessions, keys });
  const server = createServer((req, res) => {
    void (async () => {
      const session = await web.start(req);
      const answer = await routes[req.url as keyof Routes]?.(visitOf(session));
      if (answer === undefined) res.statusCode = 404;
      else if (typeof answer !== "string") res.setHeader("location", answer.redirect).statusCode = 302;
      await session.commit(res);
      res.end(typeof answer === "string" ? answer : "");
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return runningServer(server);
}

function runningServer(server: Server): Pick<Running, "url" | "close"> {
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.close();
      await once(server, "close");
    },
  };
}

function visitOf(session: RequestSession<Data>): Visit {
  return {
    get: (name) => session.get(name),
    set: (name, value) => session.set(name, value),
    destroy: async () => void (await session.destroy()),
  };
}
