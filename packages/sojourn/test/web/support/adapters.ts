/** One small app on every adapter: what it answers is what `handle` makes of the request's session. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Elysia } from "elysia";
import express5, { type NextFunction, type Request, type Response } from "express";
import Fastify from "fastify";
import { H3, toNodeHandler } from "h3";
import { Hono } from "hono";
import koa3 from "koa";
import { onTestFinished } from "vitest";
import type { Mode } from "../../../src/store/reply.ts";
import { cookieSessions, type CookieSessionsOptions, type RequestSession } from "../../../src/web/cookies/index.ts";
import { sessionPlugin as elysiaPlugin } from "../../../src/web/elysia.ts";
import { sessionMiddleware } from "../../../src/web/express.ts";
import { sessionPlugin } from "../../../src/web/fastify.ts";
import { sessionMiddleware as h3Middleware } from "../../../src/web/h3.ts";
import { sessionMiddleware as honoMiddleware, type SessionEnv } from "../../../src/web/hono.ts";
import { sessionMiddleware as koaMiddleware } from "../../../src/web/koa.ts";
import { onAstro } from "./astro-app.ts";
import { onReactRouter } from "./react-router-app.ts";
import { SojournModule } from "../../../src/web/nest.ts";
import { controllerOf, nestApp, platforms, type Platform } from "./nest-app.ts";
import { onSvelteKit } from "./sveltekit-app.ts";
import { visitPort, type SocketVisitor } from "./socket-visitor.ts";
import type { Data } from "./visitor.ts";

const require = createRequire(import.meta.url);
const express4 = require("express-4") as typeof express5;
const koa2 = require("koa-2") as typeof koa3;

export type Options = CookieSessionsOptions<Data, Mode>;
/** Makes the body of an answer. What it throws goes to the framework. */
export type Handle = (session: RequestSession<Data>, path: string) => unknown;

/** Answers every request over a real socket, until the test is over. */
export type Serve = (options: Options, handle: Handle) => Promise<SocketVisitor>;

async function listen(listener: RequestListener): Promise<SocketVisitor> {
  const server = createServer(listener);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return visitPort((server.address() as AddressInfo).port);
}

const onExpress =
  (express: typeof express5): Serve =>
  async (options, handle) => {
    const session = sessionMiddleware<Data, Mode>(options);
    const app = express().set("env", "test").use(session);
    async function answer(req: Request, res: Response, next: NextFunction): Promise<void> {
      try {
        res.send(await handle(session.of(req), req.path));
      } catch (error) {
        next(error);
      }
    }
    app.use((req, res, next) => void answer(req, res, next));
    return listen(app);
  };

function fail(response: ServerResponse, error: unknown): void {
  const { status = 500, message } = error as { readonly status?: number; readonly message: string };
  response.statusCode = status;
  response.end(message);
}

async function onNode(options: Options, handle: Handle): Promise<SocketVisitor> {
  const web = cookieSessions<Data, Mode>(options);
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const session = await web.start(request);
    try {
      const body = await handle(session, request.url ?? "");
      await session.commit(response);
      response.end(body);
    } catch (error) {
      await session.commit(response, { status: 500 });
      fail(response, error);
    }
  }
  return listen((request, response) => {
    answer(request, response).catch((error: unknown) => fail(response, error));
  });
}

async function onMiddleware(options: Options, handle: Handle): Promise<SocketVisitor> {
  const session = sessionMiddleware<Data, Mode>(options);
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      response.end(await handle(session.of(request), request.url ?? ""));
    } catch (error) {
      fail(response, error);
    }
  }
  return listen((request, response) => {
    session(request, response, (error) => {
      if (error === undefined) void answer(request, response);
      else fail(response, error);
    });
  });
}

async function onFastify(options: Options, handle: Handle): Promise<SocketVisitor> {
  const app = Fastify();
  onTestFinished(async () => app.close());
  const session = sessionPlugin<Data, Mode>(options);
  await app.register(session);
  app.all("/*", async (request) => handle(session.of(request), request.url));
  return visitPort(Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port));
}

async function onHono(options: Options, handle: Handle): Promise<SocketVisitor> {
  const app = new Hono<SessionEnv<Data>>().use(honoMiddleware<Data, Mode>(options));
  app.all("/*", async (c) => c.body((await handle(c.get("session"), c.req.path)) as string));
  const answer = getRequestListener(app.fetch);
  return listen((request, response) => void answer(request, response));
}

const onKoa =
  (Koa: typeof koa3): Serve =>
  async (options, handle) => {
    const app = new Koa();
    app.silent = true;
    const session = koaMiddleware<Data, Mode>(options);
    app.use(session);
    app.use(async (ctx) => {
      ctx.body = await handle(session.of(ctx), ctx.path);
    });
    const answer = app.callback();
    return listen((request, response) => void answer(request, response));
  };

const onNest =
  (platform: Platform): Serve =>
  async (options, handle) => {
    const routes = controllerOf({
      "*": (session, request: { readonly url: string }) => handle(session, request.url),
    });
    return nestApp(SojournModule.forRoot<Data, Mode>(options), routes, { platform });
  };

async function onElysia(options: Options, handle: Handle): Promise<SocketVisitor> {
  const app = new Elysia().use(elysiaPlugin<Data, Mode>({ address: () => "127.0.0.1", ...options }));
  app.all("/*", async ({ session, path }) => handle(session, path));
  const answer = getRequestListener((request) => app.fetch(request));
  return listen((request, response) => void answer(request, response));
}

async function onH3(options: Options, handle: Handle): Promise<SocketVisitor> {
  const session = h3Middleware<Data, Mode>(options);
  const app = new H3({ silent: true })
    .use(session)
    .all("/**", async (event) => handle(session.of(event), event.url.pathname));
  return listen(toNodeHandler(app));
}

export const adapters: readonly (readonly [name: string, serve: Serve])[] = [
  // First: the server of Hono's puts a `Response` of its own in the global one's place, and h3 then knows no error's answer.
  ["h3", onH3],
  ["Hono", onHono],
  ["Express 5", onExpress(express5)],
  ["Express 4", onExpress(express4)],
  ["Fastify", onFastify],
  ["Koa 3", onKoa(koa3)],
  ["Koa 2", onKoa(koa2)],
  ["Elysia", onElysia],
  ["React Router", onReactRouter],
  ...platforms.map(([name, platform]) => [`Nest on ${name}`, onNest(platform)] as const),
  ["SvelteKit", onSvelteKit],
  ["Astro", onAstro],
  ["node:http with the middleware", onMiddleware],
  ["node:http with cookieSessions", onNode],
];
