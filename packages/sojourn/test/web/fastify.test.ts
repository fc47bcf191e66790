/** The plugin in whole apps of Fastify 5, over real sockets. */
import { Readable } from "node:stream";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import { sessionPlugin, type SessionPlugin } from "../../src/web/fastify.ts";
import { visitPort, type SocketVisitor } from "./support/socket-visitor.ts";
import { KEY, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];

interface Started {
  readonly app: FastifyInstance;
  readonly sessions: Sessions<Data, Mode>;
  readonly session: SessionPlugin<Data, Mode>;
  /** To be called when all routes are there. */
  listen(): Promise<SocketVisitor>;
}

async function started(store: Store): Promise<Started> {
  const sessions = createSessions<Data>({ store });
  const session = sessionPlugin<Data, Mode>({ sessions, keys });
  const app = Fastify();
  onTestFinished(async () => app.close());
  await app.register(session);
  app.post("/login", async (request) => {
    await session.of(request).login("42", { role: "admin" });
    return { logged_in: true };
  });
  app.get("/profile", async (request) => ({ user_id: session.of(request).userId }));
  app.post("/logout", async (request) => {
    await session.of(request).logout();
    return { logged_out: true };
  });
  return { app, sessions, session, listen: async () => listening(app) };
}

async function listening(app: FastifyInstance): Promise<SocketVisitor> {
  return visitPort(Number(new URL(await app.listen({ host: "127.0.0.1", port: 0 })).port));
}

const failingStream = (statusCode?: number): Readable =>
  new Readable({
    read() {
      this.destroy(Object.assign(new Error("on purpose"), { statusCode }));
    },
  });

describe.each(stores)("Fastify, on %s", (_, open) => {
  test("login, profile, logout", async () => {
    const { listen, sessions } = await started(open());
    const { ask } = await listen();
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

  test.each([
    ["send", (reply: FastifyReply) => reply.send("one two")],
    ["a stream", (reply: FastifyReply) => reply.send(Readable.from(["one ", "two"]))],
    ["a web stream", (reply: FastifyReply) => reply.send(new Blob(["one two"]).stream())],
    ["a Response", (reply: FastifyReply) => reply.send(new Response("one two"))],
    ["bytes", (reply: FastifyReply) => reply.send(Buffer.from("one two"))],
    ["redirect", (reply: FastifyReply) => reply.redirect("/profile", 303)],
    ["a status alone", (reply: FastifyReply) => reply.code(204).send()],
    [
      "hijack",
      async (reply: FastifyReply) => {
        reply.hijack();
        const { session } = reply.request as unknown as { session: ReturnType<SessionPlugin<Data, Mode>["of"]> };
        await session.commit(reply.raw);
        reply.raw.end("one two");
      },
    ],
  ])("commits before the headers go out: %s", async (_way, send) => {
    const { app, listen, sessions, session } = await started(open());
    app.get("/", (request, reply) => {
      session.of(request).set("n", 1);
      void reply.header("Set-Cookie", "theme=dark").header("Vary", "Accept");
      void send(reply);
    });
    app.get("/n", async (request) => session.of(request).get("n"));
    const { ask } = await listen();
    const answer = await ask("/");
    const isHijacked = answer.headers.vary === "Cookie";
    if (!isHijacked) expect(answer.headers.vary).toBe("Accept, Cookie");
    expect(answer.lines.slice(isHijacked ? 0 : 1)).toEqual([expect.stringMatching(/^__Host-session=/)]);
    if (answer.status === 200) expect(answer.body).toBe("one two");
    expect(await sessions.count()).toBe(1);
    expect((await ask("/n")).body).toBe("1");
  });

  test("an answer that Fastify cannot send is a 500, and not the end of the process", async () => {
    const { app, listen, session, sessions } = await started(open());
    app.get("/", (request, reply) => {
      session.of(request).set("n", 1);
      void reply.type("text/plain").send({ not: "a text" });
    });
    const { ask } = await listen();
    expect(await ask("/")).toMatchObject({ status: 500, lines: [] });
    expect(await sessions.count()).toBe(0);
    expect((await ask("/profile")).status).toBe(200);
  });

  test.each<[string, (reply: FastifyReply) => unknown]>([
    ["a stream without a first byte", (reply) => reply.send(failingStream())],
    ["a later hook", (reply) => reply.header("x-fail", "500").send("")],
  ])("an answer that fails after the commit sets no cookie of a session that has ended: %s", async (_way, send) => {
    const { app, listen, session, sessions } = await started(open());
    app.addHook("onSend", async (_request, reply) => {
      if (reply.getHeader("x-fail") === undefined) return;
      reply.removeHeader("x-fail");
      throw new Error("on purpose");
    });
    app.get("/", async (request, reply) => {
      await session.of(request).login("ann");
      void reply.header("Set-Cookie", "theme=dark");
      await send(reply);
      return reply;
    });
    const { ask } = await listen();
    expect(await ask("/")).toMatchObject({ status: 500, lines: ["theme=dark"] });
    expect(await sessions.count()).toBe(0);
  });

  test("a failure after the commit that is no 5xx sets the cookie once; a new token stays with a 5xx", async () => {
    const { app, listen, session } = await started(open());
    app.get("/gone", async (request, reply) => {
      session.of(request).set("n", 1);
      return reply.send(failingStream(404));
    });
    app.get("/rotated", async (request, reply) => {
      session.of(request).rotate();
      return reply.send(failingStream());
    });
    const { ask } = await listen();
    expect(await ask("/gone")).toMatchObject({ status: 404, lines: [expect.stringMatching(/^__Host-session=sess_/)] });
    await ask("/login", { method: "POST" });
    expect(await ask("/rotated")).toMatchObject({
      status: 500,
      lines: [expect.stringMatching(/^__Host-session=sess_/)],
    });
    expect((await ask("/profile")).body).toBe('{"user_id":"42"}');
  });

  test("holds for routes beside it, in plugins, and for what is not found", async () => {
    const { app, listen, session } = await started(open());
    await app.register(async (inner) => inner.get("/inner", async (request) => session.of(request).userId));
    const { ask } = await listen();
    await ask("/login", { method: "POST" });
    expect((await ask("/inner")).body).toBe("42");
    expect(await ask("/nowhere")).toMatchObject({ status: 404, lines: [] });
    expect((await ask("/profile", { method: "HEAD" })).status).toBe(200);
  });

  test("a handler that throws keeps nothing and sets no cookie; an answer below 500 does", async () => {
    const { app, listen, sessions, session } = await started(open());
    app.get("/crash", async (request) => {
      await session.of(request).login("ann");
      session.of(request).set("n", 1);
      throw new Error("on purpose");
    });
    app.get("/teapot", async (request) => {
      session.of(request).set("n", 1);
      throw Object.assign(new Error("short and stout"), { statusCode: 418 });
    });
    const { ask } = await listen();
    expect(await ask("/crash")).toMatchObject({ status: 500, lines: [] });
    expect(await sessions.count()).toBe(0);
    const teapot = await ask("/teapot");
    expect(teapot.status).toBe(418);
    expect(teapot.lines).toHaveLength(1);
    expect(await sessions.count()).toBe(1);
  });
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe("Fastify, where something is refused", () => {
  test.each(down({ call: "put", fault: "fail" }))("a commit that fails is a 503, on %s", async (_name, open) => {
    const { app, listen, session } = await started(open());
    const stream = Readable.from(["half ", "an answer"]);
    app.get("/", async (request, reply) => {
      session.of(request).set("n", 1);
      return reply.header("ETag", '"1"').send({ saved: true });
    });
    app.get("/stream", (request, reply) => {
      session.of(request).set("n", 1);
      void reply.send(stream);
    });
    let caught: unknown;
    app.addHook("onError", async (_request, _reply, error) => {
      caught = error;
    });
    const { ask } = await listen();
    for (const path of ["/", "/stream"]) {
      caught = undefined;
      const answer = await ask(path);
      expect(answer).toMatchObject({ status: 503, lines: [] });
      expect(answer.body).not.toMatch(/saved|half/);
      expect(answer.headers["cache-control"]).toBe("no-store");
      expect(answer.headers.etag).toBeUndefined();
      expect(caught).toBeInstanceOf(StoreError);
    }
    expect(stream.destroyed).toBe(true);
  });

  test.each(down({ call: "get", fault: "fail" }))("a store that cannot tell is a 503, on %s", async (_name, open) => {
    const { listen } = await started(open());
    const { ask } = await listen();
    expect((await ask("/login", { method: "POST" })).lines).toHaveLength(1);
    expect(await ask("/profile")).toMatchObject({ status: 503, lines: [], headers: { "cache-control": "no-store" } });
  });

  test("a login whose commit fails leaves no session", async () => {
    const sessions = createSessions<Data>({ store: memoryStore(), maxDataLength: 50 });
    const session = sessionPlugin({ sessions, keys });
    const app = Fastify();
    onTestFinished(async () => app.close());
    await app.register(session);
    app.get("/", async (request) => {
      session.of(request).login("ann");
      session.of(request).set("n", "x".repeat(100));
      return "ok";
    });
    expect(await (await listening(app)).ask("/")).toMatchObject({ status: 400, lines: [] });
    expect(sessions.count()).toBe(0);
  });

  test("another site's request is a 403, a guesser's a 429 with Retry-After", async () => {
    const sessions = createSessions<Data>();
    const app = Fastify({ trustProxy: true });
    onTestFinished(async () => app.close());
    const guard = { admits: (address: string | undefined) => address !== "6.6.6.6" || { retryAfter: 30 } };
    await app.register(sessionPlugin({ sessions, keys, csrf: true, guard }));
    app.all("/", async () => "ok");
    const { ask } = await listening(app);
    const cookie = "__Host-session=x";
    const cross = await ask("/", { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } });
    expect(cross.status).toBe(403);
    const guess = await ask("/", { headers: { cookie, "x-forwarded-for": "6.6.6.6" } });
    expect(guess.status).toBe(429);
    expect(guess.headers["retry-after"]).toBe("30");
    expect((await ask("/", { headers: { cookie, "x-forwarded-for": "7.7.7.7" } })).status).toBe(200);
  });

  test("types: fields, and values or promises, as the manager has them", () => {
    const sessions = createSessions<{ role: "admin" | "reader"; visits: number }>();
    const session = sessionPlugin({ sessions, keys });
    const app = Fastify();
    void app.register(session);
    app.get("/", async (request) => {
      expectTypeOf(session.of(request).get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
      expectTypeOf(session.of(request).logout()).toEqualTypeOf<boolean>();
      // @ts-expect-error a field that is none
      session.of(request).get("rule");
    });
    expect(() => session.of({})).toThrow(TypeError);
  });
});
