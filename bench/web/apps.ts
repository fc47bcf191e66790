/**
 * The apps that are compared: each answers an authenticated GET with the user of its session.
 *
 * `POST /login?user=…` logs in, `GET /` answers `{"user":"…"}`. The ones without sessions answer as many bytes.
 */
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import { serve } from "@hono/node-server";
import { RedisStore as ConnectRedis } from "connect-redis";
import express, { type Express } from "express";
import expressSession, { type Store as ExpressStore } from "express-session";
import Fastify, { type FastifyInstance } from "fastify";
import { Hono } from "hono";
import { MemoryStore as HonoMemoryStore, sessionMiddleware as honoPeer, type Session } from "hono-sessions";
import { getIronSession } from "iron-session";
import { createClient } from "redis";
import { createSessions, memoryStore, nearCache, type Sessions, type Store } from "sojourn";
import { cookieSessions } from "sojourn/cookies";
import { sessionMiddleware as forExpress } from "sojourn/express";
import { sessionPlugin as forFastify } from "sojourn/fastify";
import { sessionFetch, sessionMiddleware as forHono, type SessionBindings } from "sojourn/hono";
import { redisStore } from "sojourn/redis";

/** Starts an app, and tells its port. The server of Redis is at the URL, where one is needed. */
type App = (redisUrl: string) => Promise<number>;

const SECRET = "a secret of the benchmark, 32 characters and more";
const keys = [SECRET];
/** The user that an app without sessions answers with. */
const SOMEBODY = "user-0000";

type User = { user?: string };

const inMemory = (): Sessions<object, "sync"> => createSessions<object>({ store: memoryStore(), ttl: "1h" });

async function inRedis(url: string, cached: boolean): Promise<Sessions<object, "async">> {
  const store: Store<"async"> = await redisStore({ client: await createClient({ url }).connect(), prefix: "bench" });
  return createSessions<object>({ store: cached ? nearCache(store) : store, ttl: "1h" });
}

const userIn = (url: string): string => new URLSearchParams(url.slice(url.indexOf("?"))).get("user") ?? "";

async function listenNode(listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  return new Promise((resolve) => server.once("listening", () => resolve((server.address() as AddressInfo).port)));
}

async function listenFastify(app: FastifyInstance): Promise<number> {
  return Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port);
}

async function listenHono(app: Hono<never>): Promise<number> {
  return new Promise((resolve) =>
    serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => resolve(port)),
  );
}

const node: Record<string, App> = {
  "node:http": async () =>
    listenNode((_request, response) => {
      const body = JSON.stringify({ user: SOMEBODY });
      response.setHeader("Content-Type", "application/json");
      response.end(body);
    }),
  "node:http, sojourn": async () => {
    const web = cookieSessions({ sessions: inMemory(), keys });
    return listenNode((request, response) => {
      const session = web.start(request);
      if (request.method === "POST") session.login(userIn(request.url ?? ""));
      const body = JSON.stringify({ user: session.userId });
      response.setHeader("Content-Type", "application/json");
      session.commit(response);
      response.end(body);
    });
  },
  "node:http, sojourn's middleware": async () => {
    const middleware = forExpress({ sessions: inMemory(), keys });
    return listenNode((request, response) =>
      middleware(request, response, () => {
        const session = middleware.of(request);
        if (request.method === "POST") session.login(userIn(request.url ?? ""));
        const body = JSON.stringify({ user: session.userId });
        response.setHeader("Content-Type", "application/json");
        response.end(body);
      }),
    );
  },
  "node:http, iron-session": async () => {
    const options = { password: SECRET, cookieName: "session", cookieOptions: { secure: false } };
    return listenNode((request, response) => {
      void (async () => {
        const session = await getIronSession<User>(request, response, options);
        if (request.method === "POST") {
          session.user = userIn(request.url ?? "");
          await session.save();
        }
        const body = JSON.stringify({ user: session.user });
        response.setHeader("Content-Type", "application/json");
        response.end(body);
      })();
    });
  },
};

const fastify: Record<string, App> = {
  Fastify: async () => {
    const app = Fastify();
    app.get("/", async () => ({ user: SOMEBODY }));
    return listenFastify(app);
  },
  "Fastify, sojourn": async () => {
    const app = Fastify();
    const plugin = forFastify({ sessions: inMemory(), keys });
    await app.register(plugin);
    app.get("/", async (request) => ({ user: plugin.of(request).userId }));
    app.post("/login", async (request) => {
      plugin.of(request).login(userIn(request.url));
    });
    return listenFastify(app);
  },
  "Fastify, @fastify/session": async () => fastifyPeer(true),
  "Fastify, @fastify/session, rolling: false": async () => fastifyPeer(false),
};

async function fastifyPeer(rolling: boolean): Promise<number> {
  const app = Fastify();
  await app.register(fastifyCookie);
  await app.register(fastifySession, { secret: SECRET, saveUninitialized: false, rolling, cookie: { secure: false } });
  app.get("/", async (request) => ({ user: (request.session as unknown as User).user }));
  app.post("/login", async (request) => {
    (request.session as unknown as User).user = userIn(request.url);
  });
  return listenFastify(app);
}

const hono: Record<string, App> = {
  Hono: async () => {
    const app = new Hono();
    app.get("/", (c) => c.json({ user: SOMEBODY }));
    return listenHono(app as never);
  },
  "Hono, sojourn": async () => {
    const app = new Hono().use(forHono({ sessions: inMemory(), keys }));
    app.get("/", (c) => c.json({ user: c.var.session.userId }));
    app.post("/login", (c) => {
      c.var.session.login(c.req.query("user") ?? "");
      return c.body(null);
    });
    return listenHono(app as never);
  },
  "Hono, sojourn around the app": async () => {
    const app = new Hono<{ Bindings: SessionBindings<object, "sync"> }>();
    app.get("/", (c) => c.json({ user: c.env.session.userId }));
    app.post("/login", (c) => {
      c.env.session.login(c.req.query("user") ?? "");
      return c.body(null);
    });
    return listenHono({ fetch: sessionFetch(app, { sessions: inMemory(), keys }) } as never);
  },
  // Without an `encryptionKey`, which makes it seven times slower: its cookie is the bare id.
  "Hono, hono-sessions": async () => {
    const app = new Hono<{ Variables: { session: Session<User>; session_key_rotation: boolean } }>();
    const store = new HonoMemoryStore();
    app.use("*", honoPeer({ store, expireAfterSeconds: 3_600, cookieOptions: { secure: false } }) as never);
    app.get("/", (c) => c.json({ user: c.get("session").get("user") }));
    app.post("/login", (c) => {
      c.get("session").set("user", c.req.query("user") ?? "");
      return c.body(null);
    });
    return listenHono(app as never);
  },
};

const onExpress: Record<string, App> = {
  Express: async () => {
    const app = express();
    app.get("/", (_req, res) => {
      res.json({ user: SOMEBODY });
    });
    return listenNode(app);
  },
  "Express, sojourn": async () => oursOnExpress(inMemory()),
  "Express, sojourn on Redis": async (url) => oursOnExpress(await inRedis(url, false)),
  "Express, sojourn on Redis, near cache": async (url) => oursOnExpress(await inRedis(url, true)),
  "Express, express-session": async () => peerOnExpress(undefined),
  "Express, express-session on connect-redis": async (url) => {
    const client = await createClient({ url }).connect();
    return peerOnExpress(new ConnectRedis({ client: client as never, prefix: "peer:" }));
  },
};

async function oursOnExpress(sessions: Sessions<object, "sync"> | Sessions<object, "async">): Promise<number> {
  const middleware = forExpress<object, "sync" | "async">({ sessions, keys });
  const app: Express = express().use(middleware);
  app.get("/", (req, res) => {
    res.json({ user: middleware.of(req).userId });
  });
  app.post("/login", async (req, res) => {
    await middleware.of(req).login(userIn(req.url));
    res.end();
  });
  return listenNode(app);
}

async function peerOnExpress(store: ExpressStore | undefined): Promise<number> {
  const app = express();
  app.use(expressSession({ secret: SECRET, resave: false, saveUninitialized: false, ...(store && { store }) }));
  app.get("/", (req, res) => {
    res.json({ user: (req.session as unknown as User).user });
  });
  app.post("/login", (req, res) => {
    (req.session as unknown as User).user = userIn(req.url);
    res.end();
  });
  return listenNode(app);
}

/** All apps by their names; up to the first comma stands the framework. */
export const apps: Readonly<Record<string, App>> = { ...node, ...fastify, ...hono, ...onExpress };
