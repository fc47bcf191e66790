/** The middleware in whole apps of Koa, over real sockets. */
import { createRequire } from "node:module";
import { PassThrough, Readable } from "node:stream";
import Koa from "koa";
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import type { CookieSessionsOptions } from "../../src/web/cookies/index.ts";
import {
  sessionMiddleware,
  type RequestSession,
  type SessionContext,
  type SessionMiddleware,
} from "../../src/web/koa.ts";
import { visit, type SocketVisitor } from "./support/socket-visitor.ts";
import { KEY, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];
const koa2 = createRequire(import.meta.url)("koa-2") as typeof Koa;
type Context = Koa.ParameterizedContext<Koa.DefaultState, SessionContext<Data>>;
type Route = (ctx: Context, session: RequestSession<Data>) => unknown;

interface Started extends SocketVisitor {
  readonly sessions: Sessions<Data, Mode>;
  readonly session: SessionMiddleware<Data, Mode>;
  readonly app: Koa;
  readonly routes: Record<string, Route>;
}

interface Setup {
  readonly above?: Koa.Middleware;
  readonly options?: Partial<CookieSessionsOptions<Data, Mode>>;
}

async function startOn(Version: typeof Koa, store: Store, { above, options }: Setup = {}): Promise<Started> {
  const sessions = createSessions<Data>({ store });
  const session = sessionMiddleware<Data, Mode>({ sessions, keys, ...options });
  const app = new Version();
  app.silent = true;
  const routes: Record<string, Route> = {
    "/login": async (ctx, own) => {
      await own.login("42", { role: "admin" });
      ctx.body = { logged_in: true };
    },
    "/profile": (ctx, own) => (ctx.body = { user_id: own.userId }),
    "/logout": async (ctx, own) => {
      await own.logout();
      ctx.body = { logged_out: true };
    },
    "/n": (ctx, own) => (ctx.body = JSON.stringify(own.get("n") ?? null)),
  };
  if (above !== undefined) app.use(above);
  app.use(session);
  app.use(async (ctx) => {
    await routes[ctx.path]?.(ctx as Context, session.of(ctx));
  });
  const answer = app.callback();
  return { ...(await visit((request, response) => void answer(request, response))), app, sessions, session, routes };
}

const failsAfterLogin: Koa.Middleware = async (ctx, next) => {
  await next();
  if (ctx.path === "/login") throw new Error("on purpose");
};

const refusesAfterLogin: Koa.Middleware = async (ctx, next) => {
  await next();
  if (ctx.path === "/login") ctx.throw(404, "no such page");
};

const catches: Koa.Middleware = async (ctx, next) => {
  try {
    await next();
  } catch (error) {
    ctx.status = 422;
    ctx.body = (error as Error).message;
  }
};

const tellsCode: Koa.Middleware = async (ctx, next) => {
  try {
    await next();
  } catch (error) {
    const { status, code } = error as StoreError;
    ctx.status = status;
    ctx.body = { code };
  }
};

const givesUp: Koa.Middleware = async (ctx, next) => {
  await next().catch(() => (ctx.body = "come back later"));
};

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

type Body = [name: string, send: (ctx: Context) => unknown];
/** What Koa 2 takes for JSON. */
const webBodies: Body[] = [
  ["a web stream", (ctx) => (ctx.body = new Blob(["one two"]).stream())],
  ["a Response", (ctx) => (ctx.body = new Response("one two"))],
];

const versions = [
  ["Koa 3", Koa],
  ["Koa 2", koa2],
] as const;

describe.each(versions)("%s", (_version, Version) => {
  const started = async (store: Store, setup?: Setup): Promise<Started> => startOn(Version, store, setup);

  describe.each(stores)("on %s", (_, open) => {
    test("login, profile, logout", async () => {
      const { ask, sessions } = await started(open());
      expect(await ask("/profile")).toMatchObject({ status: 200, body: '{"user_id":null}', lines: [] });
      const login = await ask("/login", { method: "POST" });
      expect(login.body).toBe('{"logged_in":true}');
      expect(login.lines).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
      expect(login.headers["cache-control"]).toBe("no-store");
      const profile = await ask("/profile");
      expect(profile).toMatchObject({ body: '{"user_id":"42"}', lines: [] });
      expect(profile.headers.vary).toBe("Cookie");
      expect((await ask("/logout", { method: "POST" })).lines).toEqual([
        expect.stringMatching(/^__Host-session=; Max-Age=0;/),
      ]);
      expect((await ask("/profile")).body).toBe('{"user_id":null}');
      expect(await sessions.count()).toBe(0);
    });

    test.each<Body>([
      ["a string", (ctx) => (ctx.body = "one two")],
      ["bytes", (ctx) => (ctx.body = Buffer.from("one two"))],
      ["a stream", (ctx) => (ctx.body = Readable.from(["one ", "two"]))],
      ...(Version === Koa ? webBodies : []),
      ["redirect", (ctx) => ctx.redirect("/profile")],
      ["a status alone", (ctx) => (ctx.status = 204)],
      ["nothing", () => {}],
      ["flushHeaders", (ctx) => ((ctx.status = 200), ctx.flushHeaders(), (ctx.body = "one two"))],
      ["ctx.res", (ctx) => ctx.res.writeHead(200, { "X-Own": "1" }).end("one two")],
      [
        "respond = false",
        (ctx) => {
          ctx.respond = false;
          ctx.res.statusCode = 200;
          setImmediate(() => Readable.from(["one ", "two"]).pipe(ctx.res));
        },
      ],
      ["a refusal that is thrown", (ctx) => ctx.throw(418, "short and stout")],
    ])("commits before the headers go out: %s", async (_way, send) => {
      const { ask, routes, sessions } = await started(open());
      routes["/"] = async (ctx, session) => {
        session.set("n", 1);
        ctx.cookies.set("theme", "dark", { httpOnly: false });
        await send(ctx);
      };
      const answer = await ask("/");
      expect(answer.lines.at(-1)).toMatch(/^__Host-session=sess_/);
      // Koa removes all other headers when it answers an error.
      const isRefused = answer.status === 418;
      expect(answer.lines.slice(0, -1)).toEqual(isRefused ? [] : [expect.stringMatching(/^theme=dark/)]);
      if (answer.status === 200) expect(answer.body).toBe("one two");
      expect(await sessions.count()).toBe(1);
      expect((await ask("/n")).body).toBe("1");
    });

    test("HEAD and what is not found have a session, and an answer without one sets no cookie", async () => {
      const { ask } = await started(open());
      await ask("/login", { method: "POST" });
      expect(await ask("/profile", { method: "HEAD" })).toMatchObject({ status: 200, body: "", lines: [] });
      expect(await ask("/nowhere")).toMatchObject({ status: 404, lines: [] });
    });

    test("middleware before it reads the session on the way up, and may still change the answer", async () => {
      const seen: unknown[] = [];
      const above: Koa.Middleware = async (ctx, next) => {
        await next();
        seen.push((ctx as Context).session.userId);
        ctx.set("X-User", String((ctx as Context).session.userId));
        ctx.body = "of another kind";
      };
      const { ask } = await started(open(), { above });
      const login = await ask("/login", { method: "POST" });
      expect(login).toMatchObject({ status: 200, body: "of another kind", headers: { "x-user": "42" } });
      expect(login.lines).toHaveLength(1);
      expect((await ask("/profile")).lines).toEqual([]);
      expect(seen).toEqual(["42", "42"]);
    });

    test("a handler that throws keeps nothing and sets no cookie", async () => {
      const { ask, routes, sessions } = await started(open());
      routes["/crash"] = async (_ctx, session) => {
        await session.login("ann");
        session.set("n", 1);
        throw new Error("on purpose");
      };
      expect(await ask("/crash")).toMatchObject({ status: 500, body: "Internal Server Error", lines: [] });
      expect(await sessions.count()).toBe(0);
    });

    test("middleware before it that fails after the login leaves no session, and sets no cookie", async () => {
      const { ask, sessions } = await started(open(), { above: failsAfterLogin });
      expect(await ask("/login", { method: "POST" })).toMatchObject({ status: 500, lines: [] });
      await expect.poll(() => sessions.count()).toBe(0);
    });

    test("middleware before it that refuses after the login keeps the cookie, which Koa has removed by then", async () => {
      const { ask } = await started(open(), { above: refusesAfterLogin });
      const login = await ask("/login", { method: "POST" });
      expect(login).toMatchObject({ status: 404, body: "no such page", lines: [expect.any(String)] });
      expect((await ask("/profile")).body).toBe('{"user_id":"42"}');
    });

    test("middleware before it that catches an error has what it answers committed", async () => {
      const { ask, routes, sessions } = await started(open(), { above: catches });
      routes["/"] = (_ctx, session) => {
        session.flash("notice", "try again");
        throw new Error("on purpose");
      };
      expect(await ask("/")).toMatchObject({ status: 422, body: "on purpose", lines: [expect.any(String)] });
      expect(await sessions.count()).toBe(1);
    });
  });

  describe("where something is refused", () => {
    test.each(down({ call: "put", fault: "fail" }))("a commit that fails is a 503, on %s", async (_name, open) => {
      const stream = new PassThrough();
      onTestFinished(() => void stream.destroy());
      const { app, ask, routes } = await started(open());
      routes["/"] = (ctx, session) => {
        session.set("n", 1);
        ctx.set("ETag", '"1"');
        ctx.body = { saved: true };
      };
      routes["/stream"] = (ctx, session) => {
        session.set("n", 1);
        ctx.body = stream;
      };
      routes["/own"] = (ctx, session) => {
        session.set("n", 1);
        ctx.respond = false;
        ctx.res.end("saved");
      };
      routes["/refused"] = (ctx, session) => {
        session.set("n", 1);
        ctx.throw(404, "saved");
      };
      const caught: unknown[] = [];
      app.on("error", (error) => caught.push(error));
      for (const path of ["/", "/stream", "/own", "/refused"]) {
        const answer = await ask(path);
        expect(answer).toMatchObject({ status: 503, lines: [], body: "Service Unavailable" });
        expect(answer.headers["cache-control"]).toBe("no-store");
        expect(answer.headers.etag).toBeUndefined();
        expect(caught.at(-1)).toBeInstanceOf(StoreError);
      }
    });

    test.each(down({ call: "put", fault: "fail" }))(
      "a commit that fails reaches the middleware before it, on %s",
      async (_name, open) => {
        const { ask, routes } = await started(open(), { above: tellsCode });
        routes["/"] = (ctx, session) => {
          session.set("n", 1);
          ctx.body = "saved";
        };
        expect(await ask("/")).toMatchObject({ status: 503, body: '{"code":"store_unavailable"}', lines: [] });
      },
    );

    test("what could not be saved is not saved by another try, behind the back of who has caught the error", async () => {
      const store = faultyStore(memoryStore(), [{ call: "put", nth: 2, fault: "fail" }]);
      const { ask, routes, sessions } = await started(store, { above: givesUp });
      routes["/"] = async (ctx, session) => {
        await session.login("ann");
        session.set("n", 1);
        ctx.body = "saved";
      };
      expect(await ask("/")).toMatchObject({ status: 200, body: "come back later", lines: [] });
      expect(await sessions.count()).toBe(0);
    });

    test.each(down({ call: "get", fault: "fail" }))("a store that cannot tell is a 503, on %s", async (_name, open) => {
      const { ask } = await started(open());
      expect((await ask("/login", { method: "POST" })).lines).toHaveLength(1);
      const answer = await ask("/profile");
      expect(answer).toMatchObject({ status: 503, lines: [], headers: { "cache-control": "no-store" } });
    });

    test("a login whose commit fails leaves no session", async () => {
      const sessions = createSessions<Data>({ store: memoryStore(), maxDataLength: 50 });
      const { ask, routes } = await started(memoryStore(), { options: { sessions } });
      routes["/"] = async (ctx, session) => {
        await session.login("ann");
        session.set("n", "x".repeat(100));
        ctx.body = "ok";
      };
      expect(await ask("/")).toMatchObject({ status: 400, lines: [] });
      expect(sessions.count()).toBe(0);
    });

    test("too many sessions of a user are a 409", async () => {
      const sessions = createSessions<Data>({ maxPerUser: { limit: 1, onLimit: "reject" } });
      sessions.create("42", {});
      const { ask } = await started(memoryStore(), { options: { sessions } });
      const answer = await ask("/login", { method: "POST" });
      expect(answer).toMatchObject({ status: 409, lines: [], headers: { "cache-control": "no-store" } });
    });

    test("another site's request is a 403, a guesser's a 429 with Retry-After, by the address behind a proxy", async () => {
      const guard = { admits: (address: string | undefined) => address !== "6.6.6.6" || { retryAfter: 30 } };
      const { app, ask } = await started(memoryStore(), { options: { guard } });
      app.proxy = true;
      const cookie = "__Host-session=x";
      const cross = await ask("/profile", { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } });
      expect(cross.status).toBe(403);
      const guess = await ask("/profile", { headers: { cookie, "x-forwarded-for": "6.6.6.6" } });
      expect(guess.status).toBe(429);
      expect(guess.headers["retry-after"]).toBe("30");
      expect((await ask("/profile", { headers: { cookie, "x-forwarded-for": "7.7.7.7" } })).status).toBe(200);
    });
  });
});

test("types: fields, and values or promises, as the manager has them", () => {
  type Fields = { role: "admin" | "reader"; visits: number };
  const sessions = createSessions<Fields>();
  const session = sessionMiddleware({ sessions, keys });
  const app = new Koa<Koa.DefaultState, SessionContext<Fields, "sync">>();
  app.use(session);
  app.use((ctx) => {
    expectTypeOf(ctx.session.get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
    expectTypeOf(ctx.session.logout()).toEqualTypeOf<boolean>();
    expectTypeOf(session.of(ctx)).toEqualTypeOf<RequestSession<Fields, "sync">>();
    // @ts-expect-error a field that is none
    ctx.session.get("rule");
  });
  expect(() => session.of({})).toThrow(TypeError);
});

test("two of them, with a manager each, do not take each other's sessions", async () => {
  const users = sessionMiddleware({ sessions: createSessions(), keys, cookie: { name: "__Host-user" } });
  const admins = sessionMiddleware({ sessions: createSessions(), keys, cookie: { name: "__Host-admin" } });
  const app = new Koa();
  app.use(users).use(admins);
  app.use((ctx) => {
    users.of(ctx).login("ann");
    admins.of(ctx).login("root");
    ctx.body = [users.of(ctx).userId, admins.of(ctx).userId];
  });
  const answer = app.callback();
  const { ask } = await visit((request, response) => void answer(request, response));
  const login = await ask("/", { method: "POST" });
  expect(new Set(login.lines.map((line) => line.split("=")[0]))).toEqual(new Set(["__Host-admin", "__Host-user"]));
  expect(login.body).toBe('["ann","root"]');
});
