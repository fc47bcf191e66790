/** The middleware on Node's own server, where a session that only read sets its headers as the head is written. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { connect as connectHttp2, createServer as createHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono, type Context } from "hono";
import { every } from "hono/combine";
import { stream } from "hono/streaming";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Mode } from "../../src/store/reply.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import { sessionMiddleware, type RequestSession, type SessionEnv } from "../../src/web/hono.ts";
import { visit, type SocketVisitor } from "./support/socket-visitor.ts";
import { KEY, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];

type App = Hono<SessionEnv<Data> & { Bindings: HttpBindings }>;

/** What each response of Node's was when it was done: whether the headers of its session came with the head. */
interface Served extends SocketVisitor {
  readonly late: boolean[];
}

async function serve(app: Pick<App, "fetch">, before: (response: ServerResponse) => void = () => {}): Promise<Served> {
  const answer = getRequestListener(app.fetch);
  const late: boolean[] = [];
  const visitor = await visit((request, response) => {
    before(response);
    response.once("finish", () => late.push(Object.hasOwn(response, "writeHead")));
    void answer(request, response);
  });
  return { ...visitor, late };
}

function newApp(open: () => Store) {
  const sessions = createSessions<Data>({ store: open() });
  const session = sessionMiddleware<Data, Mode>({ sessions, keys });
  const app: App = new Hono<SessionEnv<Data> & { Bindings: HttpBindings }>();
  return { app, session, sessions };
}

describe.each(stores)("Hono on Node, on %s", (_, open) => {
  const CONSTANT = Object.freeze({ "content-type": "text/plain", vary: "Accept" });
  const answers: readonly (readonly [string, (c: Context) => Response | Promise<Response>, Record<string, unknown>])[] =
    [
      ["json", (c) => c.json({ a: 1 }), { vary: "Cookie", "content-type": "application/json", "content-length": "7" }],
      ["text", (c) => c.text("ok"), { vary: "Cookie", "content-type": expect.stringMatching(/^text\/plain/) }],
      ["no body", (c) => c.body(null), { vary: "Cookie" }],
      ["no content", (c) => c.body(null, 204), { vary: "Cookie" }],
      ["not modified", (c) => c.body(null, 304, { ETag: '"1"' }), { vary: "Cookie", etag: '"1"' }],
      ["a redirect", (c) => c.redirect("/x"), { vary: "Cookie", location: "/x" }],
      ["Response.redirect", () => Response.redirect("http://x.test/"), { vary: "Cookie", location: "http://x.test/" }],
      ["a stream", (c) => stream(c, async (out) => void (await out.write("one"))), { vary: "Cookie" }],
      ["a record that cannot be changed", () => new Response("ok", { headers: CONSTANT }), { vary: "Accept, Cookie" }],
      ["headers in pairs", () => new Response("ok", { headers: [["Vary", "Accept"]] }), { vary: "Accept, Cookie" }],
      ["prepared headers", (c) => (c.header("Vary", "Accept"), c.text("ok")), { vary: "Accept, Cookie" }],
      ["a vary that says it", () => new Response("ok", { headers: { VARY: "cookie" } }), { vary: "cookie" }],
      [
        "cookies of the handler",
        (c) => {
          c.header("Set-Cookie", "theme=dark", { append: true });
          c.header("Set-Cookie", "lang=en", { append: true });
          return c.text("ok");
        },
        { vary: "Cookie", "set-cookie": ["theme=dark", "lang=en"] },
      ],
    ];
  test.each(answers)("what only reads has its headers with the head: %s", async (_name, answer, headers) => {
    const { app, session } = newApp(open);
    app.use(session).all("/", (c) => {
      void c.var.session.userId;
      return answer(c);
    });
    const { ask, late } = await serve(app);
    for (const method of ["GET", "HEAD", "POST"]) {
      const { headers: found } = await ask("/", { method });
      // An answer to HEAD has the headers of one to GET, but Hono makes it anew.
      if (method !== "HEAD") expect(found).toMatchObject(headers);
      expect(found.vary).toBe(headers["vary"]);
    }
    expect(late).toEqual([true, true, true]);
  });

  test("what does not look at its session says nothing of it", async () => {
    const { app, session } = newApp(open);
    app.use(session).get("/", (c) => c.text("ok"));
    const { ask, late } = await serve(app);
    expect((await ask("/")).headers.vary).toBeUndefined();
    expect(late).toEqual([false]);
  });

  test("what is not found has its headers, too", async () => {
    const { app, session } = newApp(open);
    app.use(session).notFound((c) => c.text(`not found, ${c.get("session").userId}`, 404));
    expect(await (await serve(app)).ask("/")).toMatchObject({ status: 404, headers: { vary: "Cookie" } });
  });

  test("login, a change, logout: cookies beside those of the handler, and all is stored", async () => {
    const { app, session, sessions } = newApp(open);
    app.use(session);
    app.post("/login", async (c) => {
      await c.var.session.login("42");
      return c.body(null);
    });
    app.get("/count", (c) => {
      const next = Number(c.var.session.get("n") ?? 0) + 1;
      c.var.session.set("n", next);
      return c.text(String(next));
    });
    app.post("/logout", async (c) => {
      await c.var.session.logout();
      return new Response(null, { headers: { "Set-Cookie": "theme=dark", "Cache-Control": "max-age=60" } });
    });
    const { ask } = await serve(app);
    expect((await ask("/login", { method: "POST" })).lines).toEqual([expect.stringMatching(/^__Host-session=sess_/)]);
    expect((await ask("/count")).body).toBe("1");
    expect((await ask("/count")).body).toBe("2");
    const out = await ask("/logout", { method: "POST" });
    expect(out.lines).toEqual(["theme=dark", expect.stringMatching(/^__Host-session=; Max-Age=0;/)]);
    expect(out.headers["cache-control"]).toContain("no-store");
    expect(await sessions.count()).toBe(0);
  });

  test("an outer middleware sees the headers, also where it is outside by a combination", async () => {
    for (const use of [
      (app: App, outer: never, session: never) => app.use(outer).use(session),
      (app: App, outer: never, session: never) => app.use(every(outer, session)),
      (app: App, outer: never, session: never) => app.use("/*", outer).route("/", new Hono().use(session) as never),
    ]) {
      const { app, session } = newApp(open);
      const seen: unknown[] = [];
      const outer = async (c: Context, next: () => Promise<void>): Promise<void> => {
        await next();
        seen.push(c.res.headers.get("Vary"));
      };
      use(app, outer as never, session as never);
      app.get("/", (c) => c.text(String(c.var.session.userId)));
      expect((await (await serve(app)).ask("/")).headers.vary).toBe("Cookie");
      expect(seen).toEqual(["Cookie"]);
    }
  });

  test("a change between the commit and the head is an error", async () => {
    const { app, session } = newApp(open);
    let own: RequestSession<Data> | undefined;
    app.use(session).get("/", (c) => {
      own = c.var.session;
      return c.text(String(own.userId));
    });
    let late: unknown;
    const fetch: App["fetch"] = async (request, ...rest) => {
      const response = await app.fetch(request, ...rest);
      try {
        own?.set("n", 1);
      } catch (error) {
        late = error;
      }
      return response;
    };
    expect(await (await serve({ fetch })).ask("/")).toMatchObject({
      body: "null",
      headers: { vary: "Cookie" },
      lines: [],
    });
    expect(late).toBeInstanceOf(TypeError);
  });

  test("headers that Node's response has already stay", async () => {
    const { app, session } = newApp(open);
    app.use(session).get("/", (c) => c.text(String(c.var.session.userId)));
    const { ask } = await serve(app, (response) => response.setHeader("Vary", "Origin"));
    expect((await ask("/")).headers.vary).toBe("Origin, Cookie");
  });

  test("a handler that writes to Node's response itself", async () => {
    const { app, session } = newApp(open);
    app.use(session).get("/:way", (c) => {
      void c.var.session.userId;
      const { outgoing } = c.env;
      const headers = c.req.param("way") === "list" ? ["X-Own", "1", "Vary", "Accept"] : { "X-Own": "1" };
      setImmediate(() => outgoing.writeHead(201, "Fine", headers as never).end("by hand"));
      return RESPONSE_ALREADY_SENT;
    });
    const { ask } = await serve(app);
    expect(await ask("/record")).toMatchObject({
      status: 201,
      body: "by hand",
      headers: { vary: "Cookie", "x-own": "1" },
    });
    expect(await ask("/list")).toMatchObject({ status: 201, headers: { vary: "Accept, Cookie", "x-own": "1" } });
  });

  test("a head that cannot be written is an error of the server's, through what has replaced `writeHead` before", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => log.mockRestore());
    const { app, session } = newApp(open);
    app.use(session).get("/", (c) => {
      void c.var.session.userId;
      return new Response("ok", { headers: { "X-Bad": "1" } });
    });
    const { ask } = await serve(app, (response) => {
      const { writeHead } = response;
      response.writeHead = ((status: number, headers: Record<string, string>) => {
        if (headers["X-Bad"] !== undefined) throw new Error("on purpose");
        return writeHead.call(response, status, { ...headers, "X-Before": "1" });
      }) as never;
    });
    expect(await ask("/")).toMatchObject({ status: 500, headers: { "x-before": "1" } });
    expect(log).toHaveBeenCalledOnce();
  });

  test.each([
    ["only reads", (_session: RequestSession<Data>) => {}, []],
    ["changes", (session: RequestSession<Data>) => session.set("n", 1), [expect.stringMatching(/^__Host-outer=/)]],
  ])("an app in an app, with the same request and environment: the outer one %s", async (_name, change, lines) => {
    const inner = newApp(open);
    inner.app.use(inner.session).get("/", (c) => c.text(`inner ${c.var.session.userId}`));
    const sessions = createSessions<Data>({ store: open() });
    const app: App = new Hono();
    app.use(sessionMiddleware<Data, Mode>({ sessions, keys, cookie: { name: "__Host-outer" } })).get("/", async (c) => {
      void c.var.session.userId;
      change(c.var.session);
      return inner.app.fetch(c.req.raw, c.env);
    });
    const answer = await (await serve(app)).ask("/");
    expect(answer).toMatchObject({ status: 200, body: "inner null", headers: { vary: "Cookie" } });
    expect(answer.lines).toEqual(lines);
  });

  test("what a handler throws, Error or not, is answered, and keeps nothing", async () => {
    const { app, session, sessions } = newApp(open);
    app.onError((_error, c) => c.text("crashed", 500));
    app.use(session).get("/:what", async (c) => {
      await c.var.session.login("ann");
      throw c.req.param("what") === "error" ? new Error("on purpose") : "no error";
    });
    const { ask } = await serve(app);
    for (const path of ["/error", "/text"]) expect(await ask(path)).toMatchObject({ status: 500, lines: [] });
    expect(await sessions.count()).toBe(0);
  });
});

test("over HTTP/2", async () => {
  const { app, session } = newApp(memoryStore);
  app.use(session).get("/", (c) => c.text(String(c.var.session.userId), 200, { Vary: "Accept" }));
  const server = createHttp2(getRequestListener(app.fetch) as never);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  const [headers] = (await once(client.request({ ":path": "/" }), "response")) as [Record<string, unknown>];
  expect(headers).toMatchObject({ ":status": 200, vary: "Accept, Cookie" });
});

const down = (fault: Fault) => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])] as const,
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])] as const,
];

test.each(down({ call: "put", fault: "fail" }))(
  "a commit that fails goes to the error handler before a head is written, on %s",
  async (_, open) => {
    const { app, session } = newApp(open);
    app.onError((error, c) => c.text(`away: ${(error.cause as Error).name}`, 503));
    app.use(session).get("/", (c) => {
      c.var.session.set("n", 1);
      return c.text("ok");
    });
    expect(await (await serve(app)).ask("/")).toMatchObject({ status: 503, body: "away: StoreError", lines: [] });
  },
);
