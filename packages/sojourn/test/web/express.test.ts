/** The middleware in whole apps of Express 4 and 5, over real sockets. */
import { createRequire } from "node:module";
import { Readable } from "node:stream";
import { inspect } from "node:util";
import express5, { type Express, type NextFunction, type Request, type Response } from "express";
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import { sessionMiddleware } from "../../src/web/express.ts";
import { visit, type SocketVisitor } from "./support/socket-visitor.ts";
import { KEY, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];
const express4 = createRequire(import.meta.url)("express-4") as typeof express5;
const versions = [
  ["Express 5", express5],
  ["Express 4", express4],
] as const;
const places = versions.flatMap(([version, express]) =>
  stores.map(([store, open]) => [`${version}, on ${store}`, express, open] as const),
);

interface Started extends SocketVisitor {
  readonly app: Express;
  readonly sessions: Sessions<Data, Mode>;
  readonly session: ReturnType<typeof sessionMiddleware<Data, Mode>>;
}

async function started(express: typeof express5, store: Store, options: { csrf?: boolean } = {}): Promise<Started> {
  const sessions = createSessions<Data>({ store });
  const session = sessionMiddleware<Data, Mode>({ sessions, keys, ...options });
  const app = express().set("env", "test").use(session);
  app.post("/login", async (req, res) => {
    await session.of(req).login("42", { role: "admin" });
    res.json({ logged_in: true });
  });
  app.get("/profile", (req, res) => {
    res.json({ user_id: session.of(req).userId });
  });
  app.post("/logout", async (req, res) => {
    await session.of(req).logout();
    res.json({ logged_out: true });
  });
  return { ...(await visit(app)), app, sessions, session };
}

describe.each(places)("%s", (_, express, open) => {
  test("login, profile, logout", async () => {
    const { ask, sessions } = await started(express, open());
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

  const pieces = ["one ", "two ", "three"];
  test.each([
    ["end", (res: Response) => void res.end("one two three")],
    ["end, without a body", (res: Response) => void res.status(204).end()],
    ["write", (res: Response) => (pieces.forEach((piece) => res.write(piece)), res.end())],
    ["writeHead", (res: Response) => void res.writeHead(201, { "X-Own": "1" }).end("one two three")],
    [
      "writeHead, then pieces",
      (res: Response) => (res.writeHead(200, "Fine"), res.write("one "), res.end("two three")),
    ],
    ["flushHeaders", (res: Response) => (res.flushHeaders(), res.end("one two three"))],
    ["pipe", (res: Response) => void Readable.from(pieces).pipe(res)],
    ["send", (res: Response) => void res.send("one two three")],
    ["redirect", (res: Response) => res.redirect(303, "/profile")],
    ["sendFile", (res: Response) => res.sendFile(import.meta.filename)],
    ["sendStatus", (res: Response) => void res.sendStatus(404)],
  ])("commits before the headers go out: %s", async (_way, send) => {
    const { app, ask, sessions, session } = await started(express, open());
    app.get("/", (req, res) => {
      session.of(req).set("n", 1);
      send(res);
    });
    app.get("/n", (req, res) => {
      res.json(session.of(req).get("n") ?? null);
    });
    const answer = await ask("/");
    expect(answer.lines).toHaveLength(1);
    if (answer.status < 204) expect(answer.body).toMatch(/^one two three$|Express 4 and 5/);
    expect(await sessions.count()).toBe(1);
    expect((await ask("/n")).body).toBe("1");
  });

  test("headers that come with writeHead stay, and so does the cookie", async () => {
    const { app, ask, session } = await started(express, open());
    app.get("/record", (req, res) => {
      session.of(req).set("n", 1);
      res.setHeader("Vary", "Accept");
      res.writeHead(202, "Taken", { "Set-Cookie": "theme=dark", "Content-Length": 2 }).end("ok");
    });
    app.get("/list", (req, res) => {
      session.of(req).set("n", 1);
      res.writeHead(200, ["Set-Cookie", "theme=dark", "Set-Cookie", "lang=en", "X-Own", "1"]);
      res.end("ok");
    });
    const record = await ask("/record");
    expect(record).toMatchObject({ status: 202, body: "ok" });
    expect(record.headers).toMatchObject({ "content-length": "2", vary: "Accept, Cookie" });
    expect(record.lines).toEqual(["theme=dark", expect.stringMatching(/^__Host-session=/)]);
    const list = await ask("/list", { headers: { cookie: "" } });
    expect(list.lines).toEqual(["theme=dark", "lang=en", expect.stringMatching(/^__Host-session=/)]);
    expect(list.headers["x-own"]).toBe("1");
  });

  test("HEAD and 304 have sessions, and no body", async () => {
    const { app, ask, session } = await started(express, open());
    app.get("/page", (req, res) => {
      session.of(req).set("n", 1);
      res.setHeader("ETag", '"1"').send("a page");
    });
    const head = await ask("/page", { method: "HEAD" });
    expect(head).toMatchObject({ status: 200, body: "" });
    expect(head.headers["content-length"]).toBe("6");
    expect(head.lines).toHaveLength(1);
    const same = await ask("/page", { headers: { "if-none-match": '"1"' } });
    expect(same).toMatchObject({ status: 304, body: "" });
  });

  test("a handler that throws keeps nothing, and its page sets no cookie", async () => {
    const { app, ask, sessions, session } = await started(express, open());
    app.get("/throw", (req) => {
      session.of(req).set("n", 1);
      throw new Error("on purpose");
    });
    app.get("/next", async (req, _res, next) => {
      await session.of(req).login("ann");
      next(new Error("on purpose"));
    });
    for (const path of ["/throw", "/next"]) {
      const answer = await ask(path);
      expect(answer.status).toBe(500);
      expect(answer.lines).toEqual([]);
      expect(answer.body).toContain("on purpose");
    }
    expect(await sessions.count()).toBe(0);
  });

  test("what is not found has a session, too", async () => {
    const { ask } = await started(express, open());
    await ask("/login", { method: "POST" });
    expect(await ask("/nowhere")).toMatchObject({ status: 404, lines: [] });
  });

  test("a change after the headers is an error", async () => {
    const { app, ask, session } = await started(express, open());
    let late: unknown;
    app.get("/", (req, res) => {
      session.of(req).set("n", 1);
      res.write("one ");
      try {
        session.of(req).set("n", 2);
      } catch (error) {
        late = error;
      }
      res.end("two");
    });
    expect((await ask("/")).body).toBe("one two");
    expect(late).toBeInstanceOf(TypeError);
  });
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe.each(versions)("%s, where something fails", (_, express) => {
  test.each(down({ call: "put", fault: "fail" }))(
    "a commit that fails is a 503 of the error handler's, on %s",
    async (_name, open) => {
      const { app, ask, session } = await started(express, open());
      app.get("/", (req, res) => {
        session.of(req).set("n", 1);
        res.cookie("theme", "dark").set("ETag", '"1"').json({ saved: true });
      });
      expect(await ask("/")).toMatchObject({ status: 503, lines: [] });
      let caught: unknown;
      app.use((error: unknown, _req: Request, res: Response, _next: NextFunction) => {
        caught = error;
        // Later, as one that renders a page does.
        setImmediate(() => res.status(503).send("away"));
      });
      const answer = await ask("/");
      expect(answer).toMatchObject({ status: 503, body: "away", lines: [] });
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.headers.etag).not.toBe('"1"');
      expect(caught).toBeInstanceOf(StoreError);
    },
  );

  test.each(down({ call: "put", fault: "fail" }))(
    "a stream whose commit fails is a 503, and nothing of it is sent, on %s",
    async (_name, open) => {
      const { app, ask, session } = await started(express, open());
      const sends: readonly ((res: Response) => unknown)[] = [
        (res) => Readable.from(["half ", "an answer"]).pipe(res),
        (res) => res.writeHead(200, { "Content-Length": 4 }),
        (res) => res.flushHeaders(),
      ];
      let dropped = 0;
      for (const [index, send] of sends.entries()) {
        app.get(`/${index}`, (req, res) => {
          session.of(req).set("n", 1);
          send(res);
          // Long after, on a timer of its own, where a throw would end the process.
          setImmediate(() => setImmediate(() => (res.write("half "), res.end("an answer", () => dropped++))));
        });
        expect(await ask(`/${index}`)).toMatchObject({
          status: 503,
          body: "The session could not be saved\n",
          lines: [],
        });
      }
      // Nobody waits for what was dropped; a stream that was piped and then written to is ended twice.
      await expect.poll(() => dropped).toBe(sends.length);
    },
  );

  test.each(down({ call: "get", fault: "fail" }))("a store that cannot tell is a 503, on %s", async (_name, open) => {
    const store = open();
    const { ask } = await started(express, store);
    const login = await ask("/login", { method: "POST" });
    expect(login.lines).toHaveLength(1);
    const answer = await ask("/profile");
    expect(answer).toMatchObject({ status: 503, lines: [] });
    expect(answer.headers["cache-control"]).toBe("no-store");
  });

  test("a login whose commit fails leaves no session", async () => {
    const sessions = createSessions<Data>({ store: memoryStore(), maxDataLength: 50 });
    const session = sessionMiddleware({ sessions, keys });
    const app = express().set("env", "test").use(session);
    app.get("/", (req, res) => {
      session.of(req).login("ann");
      session.of(req).set("n", "x".repeat(100));
      res.send("ok");
    });
    expect(await (await visit(app)).ask("/")).toMatchObject({ status: 400, lines: [] });
    expect(sessions.count()).toBe(0);
  });

  test("a status that cannot be sent is a 500, where the call has returned long ago", async () => {
    const { app, ask, session, sessions } = await started(express, asyncStore(memoryStore()));
    app.get("/", (req, res) => {
      session.of(req).set("n", 1);
      (res as { statusCode: number }).statusCode = 99;
      res.end("ok");
    });
    expect(await ask("/")).toMatchObject({ status: 500, lines: [] });
    expect(await sessions.count()).toBeLessThanOrEqual(1);
  });

  test("another site's request is a 403, a guesser's a 429 with Retry-After, by the address behind a proxy", async () => {
    const sessions = createSessions<Data>();
    const guard = { admits: (address: string | undefined) => address !== "6.6.6.6" || { retryAfter: 30 } };
    const app = express().set("env", "test").set("trust proxy", true);
    app.use(sessionMiddleware({ sessions, keys, csrf: true, guard }));
    app.all("/", (_req, res) => void res.send("ok"));
    const visitor = await visit(app);
    const cookie = "__Host-session=x";
    const cross = { cookie, "sec-fetch-site": "cross-site" };
    expect((await visitor.ask("/", { method: "POST", headers: cross })).status).toBe(403);
    const guess = await visitor.ask("/", { headers: { cookie, "x-forwarded-for": "6.6.6.6" } });
    expect(guess.status).toBe(429);
    expect(guess.headers["retry-after"]).toBe("30");
    expect((await visitor.ask("/", { headers: { cookie, "x-forwarded-for": "7.7.7.7" } })).status).toBe(200);
  });

  test("in production, what refuses another site is in the log, and not in the answer", async () => {
    const log = vi.spyOn(console, "error");
    onTestFinished(() => log.mockRestore());
    const logged = new Promise<unknown>((resolve) => void log.mockImplementation(resolve));
    const app = express().set("env", "production");
    app.use(sessionMiddleware({ sessions: createSessions<Data>(), keys }));
    const { ask } = await visit(app);
    const answer = await ask("/", { method: "POST", headers: { origin: "https://pay.test" } });
    expect(answer).toMatchObject({ status: 403, body: expect.stringContaining("Forbidden") });
    expect(answer.body).not.toContain("csrf");
    // Express 4 logs the stack, Express 5 the error.
    expect(inspect(await logged)).toContain("name it in the options: csrf: { trustedOrigins: [");
  });
});

test("types: fields, and values or promises, as the manager has them", () => {
  const sessions = createSessions<{ role: "admin" | "reader"; visits: number }>();
  const session = sessionMiddleware({ sessions, keys });
  const app = express5().use(session);
  app.get("/", (req, res) => {
    expectTypeOf(session.of(req).get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
    expectTypeOf(session.of(req).logout()).toEqualTypeOf<boolean>();
    // @ts-expect-error a field that is none
    session.of(req).get("rule");
    res.end();
  });
  expect(() => session.of({})).toThrow(TypeError);
});

test("two of them, with a manager each, do not take each other's sessions", async () => {
  const users = sessionMiddleware({ sessions: createSessions(), keys, cookie: { name: "__Host-user" } });
  const admins = sessionMiddleware({ sessions: createSessions(), keys, cookie: { name: "__Host-admin" } });
  const app = express5().use(users, admins);
  app.all("/", (req, res) => {
    users.of(req).login("ann");
    admins.of(req).login("root");
    res.json([users.of(req).userId, admins.of(req).userId]);
  });
  const { ask } = await visit(app);
  const login = await ask("/", { method: "POST" });
  expect(new Set(login.lines.map((line) => line.split("=")[0]))).toEqual(new Set(["__Host-admin", "__Host-user"]));
  expect(login.body).toBe('["ann","root"]');
});
