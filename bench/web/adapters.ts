/**
 * What a session adds to one request in its framework, without sockets: `npm run bench:adapters`.
 *
 * `npm run bench:web` measures whole servers, and needs a quiet machine. Here a request goes through the framework in this
 * process, from Node's parsed headers to the bytes of the answer, and all take turns. Processor time of this thread, in
 * microseconds a request: the median, over rounds, of what it costs more than the bare framework in the same round.
 */
import { IncomingMessage, ServerResponse, type RequestListener } from "node:http";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import { createSessions, type Sessions } from "sojourn";
import { cookieSessions } from "sojourn/cookies";
import { sessionMiddleware as forExpress } from "sojourn/express";
import { sessionPlugin as forFastify } from "sojourn/fastify";
import { sessionFetch, sessionMiddleware as forHono, type SessionBindings } from "sojourn/hono";
import { ensure, median, report, type Row } from "../measure.ts";

const REQUESTS = 3_000;
const ROUNDS = 40;
const WARM_UP = 3;
const USER = "user-0000";

const keys = ["a secret of the benchmark, 32 characters and more"];
const inMemory = (): Sessions<object, "sync"> => createSessions<object>({ ttl: "1h" });

/** Where the bytes of an answer go. */
class Sink extends Duplex {
  readonly remoteAddress = "127.0.0.1";
  text = "";
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("latin1");
    done();
  }
}

async function ask(listener: RequestListener, cookie: string, method = "GET"): Promise<string> {
  return new Promise((resolve) => {
    const sink = new Sink();
    const request = new IncomingMessage(sink as unknown as Socket);
    Object.assign(request, { method, url: "/", httpVersionMajor: 1, httpVersionMinor: 1, httpVersion: "1.1" });
    request.rawHeaders = ["Host", "app.test", "Cookie", cookie, "Connection", "keep-alive"];
    request.headers = { host: "app.test", cookie, connection: "keep-alive" };
    request.push(null);
    const response = new ServerResponse(request);
    response.assignSocket(sink as unknown as Socket);
    response.on("finish", () => resolve(sink.text));
    listener(request, response);
  });
}

function onHono(app: Pick<Hono, "fetch">): RequestListener {
  const listener = getRequestListener(app.fetch);
  return (request, response) => void listener(request, response);
}

function honoMiddleware(isFirst: boolean): RequestListener {
  const app = new Hono();
  if (!isFirst) app.use((_c, next) => next());
  const routes = app.use(forHono({ sessions: inMemory(), keys }));
  routes.get("/", (c) => c.json({ user: c.get("session").userId }));
  routes.post("/", (c) => {
    c.get("session").login(USER);
    return c.body(null);
  });
  return onHono(app);
}

function honoAround(): RequestListener {
  const app = new Hono<{ Bindings: SessionBindings<object, "sync"> }>();
  app.get("/", (c) => c.json({ user: c.env.session.userId }));
  app.post("/", (c) => {
    c.env.session.login(USER);
    return c.body(null);
  });
  return onHono({ fetch: sessionFetch(app, { sessions: inMemory(), keys }) as never });
}

function expressMiddleware(): RequestListener {
  const session = forExpress({ sessions: inMemory(), keys });
  const app = express().use(session);
  app.get("/", (req, res) => void res.json({ user: session.of(req).userId }));
  app.post("/", (req, res) => {
    session.of(req).login(USER);
    res.end();
  });
  return app;
}

/** No hook at all: the handler commits by itself. What is left is the session. */
function expressByHand(): RequestListener {
  const web = cookieSessions({ sessions: inMemory(), keys });
  const app = express();
  app.get("/", (req, res) => {
    const session = web.start(req);
    const body = { user: session.userId };
    session.commit(res);
    res.json(body);
  });
  app.post("/", (req, res) => {
    const session = web.start(req);
    session.login(USER);
    session.commit(res);
    res.end();
  });
  return app;
}

async function onFastify(hasSessions: boolean): Promise<RequestListener> {
  const app = Fastify();
  const plugin = forFastify({ sessions: inMemory(), keys });
  if (hasSessions) await app.register(plugin);
  app.get("/", async (request) => ({ user: hasSessions ? plugin.of(request).userId : USER }));
  app.post("/", async (request) => {
    if (hasSessions) plugin.of(request).login(USER);
  });
  await app.ready();
  return (request, response) => app.routing(request, response);
}

const onNode =
  (userOf: (request: IncomingMessage, response: ServerResponse) => string | null): RequestListener =>
  (request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ user: userOf(request, response) }));
  };

function nodeByHand(): RequestListener {
  const web = cookieSessions({ sessions: inMemory(), keys });
  return onNode((request, response) => {
    const session = web.start(request);
    if (request.method === "POST") session.login(USER);
    const { userId } = session;
    session.commit(response);
    return userId;
  });
}

const bareHono = (app: Hono): RequestListener => onHono(app.get("/", (c) => c.json({ user: USER })));

const frameworks: readonly (readonly [bare: string, listeners: Record<string, RequestListener>])[] = [
  [
    "Hono",
    {
      Hono: bareHono(new Hono()),
      "Hono, a middleware that does nothing": bareHono(new Hono().use((_c, next) => next())),
      "Hono, sessionMiddleware": honoMiddleware(true),
      "Hono, sessionMiddleware behind another middleware": honoMiddleware(false),
      "Hono, sessionFetch": honoAround(),
    },
  ],
  ["node:http", { "node:http": onNode(() => USER), "node:http, cookieSessions": nodeByHand() }],
  ["Fastify", { Fastify: await onFastify(false), "Fastify, sessionPlugin": await onFastify(true) }],
  [
    "Express",
    {
      Express: express().get("/", (_req, res) => void res.json({ user: USER })),
      "Express, sessionMiddleware": expressMiddleware(),
      "Express, committed by the handler": expressByHand(),
    },
  ],
];

const processorTime = (): number => {
  const { user, system } = process.threadCpuUsage();
  return user + system;
};

const rows: Row[] = [];
for (const [bare, listeners] of frameworks) {
  const subjects: { name: string; listener: RequestListener; cookie: string; costs: number[] }[] = [];
  for (const [name, listener] of Object.entries(listeners)) {
    const login = /set-cookie: ([^;]+)/i.exec(await ask(listener, "other=1", "POST"));
    const cookie = login?.[1] ?? "other=1";
    ensure((await ask(listener, cookie)).endsWith(JSON.stringify({ user: USER })), `${name} answers the user`);
    subjects.push({ name, listener, cookie, costs: [] });
  }
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const { listener, cookie, costs } of subjects) {
      const before = processorTime();
      for (let request = 0; request < REQUESTS; request++) await ask(listener, cookie);
      if (round >= 0) costs.push((processorTime() - before) / REQUESTS);
    }
  }
  const [first] = subjects;
  for (const { name, costs } of subjects.slice(1)) {
    const added = median(costs.map((cost, round) => cost - (first?.costs[round] ?? 0)));
    rows.push({
      what: name,
      ours: `${median(costs).toFixed(1)} µs`,
      against: `${bare}: ${median(first?.costs ?? []).toFixed(1)} µs`,
      ratio: `${added.toFixed(1)} µs more`,
      aim: "–",
    });
  }
}
report("A request in its framework, without sockets: processor time", rows);
