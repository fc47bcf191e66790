/** Sessions around an app of Hono: on Node's server over real sockets, and where there is only `fetch`. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { getRequestListener, serve, upgradeWebSocket, type HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { stream } from "hono/streaming";
import { describe, expect, expectTypeOf, onTestFinished, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { StoreError } from "../../../src/errors.ts";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Mode } from "../../../src/store/reply.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../../src/testing/faulty-store.ts";
import { sessionFetch, type SessionBindings, type SessionFetchOptions } from "../../../src/web/hono.ts";
import { visit } from "../support/socket-visitor.ts";
import { KEY, keptOf, stores, type Data } from "../support/visitor.ts";

const keys = [KEY];

type App = Hono<{ Bindings: SessionBindings<Data> & HttpBindings }>;

function newApp(store: Store, options: Partial<SessionFetchOptions<Data, Mode>> = {}) {
  const sessions = createSessions<Data>({ store, maxDataLength: 100 });
  const app: App = new Hono();
  app.post("/login", async (c) => {
    await c.env.session.login("ann");
    return c.body(null, 200, { "Set-Cookie": "theme=dark" });
  });
  app.get("/profile", (c) => c.json({ user: c.env.session.userId }, 200, { Vary: "Accept" }));
  app.get("/too-much", async (c) => {
    await c.env.session.login("ann");
    c.env.session.set("text", "x".repeat(200));
    return c.text("ok");
  });
  app.post("/logout", async (c) => {
    await c.env.session.logout();
    return Response.redirect("http://app.test/", 303);
  });
  app.get("/stream", (c) => {
    c.env.session.set("n", 1);
    return stream(c, async (out) => void (await out.write("one")));
  });
  app.get("/throw/:what", async (c) => {
    await c.env.session.login("ann");
    throw c.req.param("what") === "error" ? new Error("on purpose") : "no error";
  });
  app.onError((_error, c) => c.text("crashed", 500));
  return { app, sessions, fetch: sessionFetch<Data, Mode>(app, { sessions, keys, ...options }) };
}

describe.each(stores)("on %s", (_, open) => {
  test("over a socket of Node: login, profile, logout, and what else there is to answer", async () => {
    const { fetch, sessions } = newApp(open());
    const listener = getRequestListener(fetch);
    const { ask } = await visit((request, response) => void listener(request, response));
    expect(await ask("/profile")).toMatchObject({
      body: '{"user":null}',
      lines: [],
      headers: { vary: "Accept, Cookie" },
    });
    const login = await ask("/login", { method: "POST" });
    expect(login.lines).toEqual(["theme=dark", expect.stringMatching(/^__Host-session=sess_/)]);
    expect(login.headers["cache-control"]).toBe("no-store");
    expect(await ask("/profile")).toMatchObject({ body: '{"user":"ann"}', headers: { vary: "Accept, Cookie" } });
    expect(await ask("/profile", { method: "HEAD" })).toMatchObject({ body: "", headers: { vary: "Accept, Cookie" } });
    expect(await ask("/nowhere")).toMatchObject({ status: 404, lines: [] });
    expect(await ask("/stream")).toMatchObject({ body: "one", lines: [] });
    const logout = await ask("/logout", { method: "POST" });
    expect(logout).toMatchObject({ status: 303, lines: [expect.stringMatching(/^__Host-session=; Max-Age=0;/)] });
    expect(await sessions.count()).toBe(0);
    for (const path of ["/throw/error", "/throw/text", "/too-much"]) {
      const { status, lines } = await ask(path);
      expect([status, lines]).toEqual([path === "/too-much" ? 400 : 500, []]);
    }
    expect(await sessions.count()).toBe(0);
  });

  test("without Node: the headers are on the response, and the environment stays as it is", async () => {
    const { app, fetch } = newApp(open());
    const env = Object.freeze({ NAME: "a binding" });
    app.get("/env", (c) => c.json({ name: (c.env as unknown as typeof env).NAME, user: c.env.session.userId }));
    const login = await fetch(new Request("https://app.test/login", { method: "POST" }), env);
    const cookie = keptOf(login.headers.getSetCookie()[1] ?? "") ?? "";
    const answer = await fetch(new Request("https://app.test/env", { headers: { cookie } }), env);
    expect(await answer.json()).toEqual({ name: "a binding", user: "ann" });
    expect(answer.headers.get("Vary")).toBe("Cookie");
    expect((await fetch(new Request("https://app.test/profile"))).headers.get("Vary")).toBe("Accept, Cookie");
    await expect(
      Promise.resolve(fetch(new Request("https://app.test/throw/text"))).catch((error) => error),
    ).resolves.toBe("no error");
  });
});

test("answers at once where the store and the route do", () => {
  const { fetch } = newApp(memoryStore());
  expect(fetch(new Request("https://app.test/profile"))).toBeInstanceOf(Response);
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe("what is refused", () => {
  test.each(down({ call: "put", fault: "fail" }))("a store that cannot save is a 503, on %s", async (_, open) => {
    const seen: unknown[] = [];
    const onError = (error: unknown): Response => {
      seen.push(error);
      return new Response("away", { status: 503 });
    };
    for (const options of [{}, { onError }]) {
      const { fetch } = newApp(open(), options);
      const answer = await fetch(new Request("https://app.test/stream"));
      expect([answer.status, answer.headers.getSetCookie()]).toEqual([503, []]);
    }
    expect(seen).toEqual([expect.any(StoreError)]);
  });

  test.each(down({ call: "get", fault: "fail" }))("a store that cannot tell is a 503, on %s", async (_, open) => {
    const { fetch } = newApp(open());
    const login = await fetch(new Request("https://app.test/login", { method: "POST" }));
    const cookie = keptOf(login.headers.getSetCookie()[1] ?? "") ?? "";
    const answer = await fetch(new Request("https://app.test/profile", { headers: { cookie } }));
    expect([answer.status, answer.headers.get("Cache-Control")]).toEqual([503, "no-store"]);
  });

  test.each(stores)("another site's request is a 403, a guesser's a 429 with Retry-After, on %s", async (_, open) => {
    const { fetch } = newApp(open(), {
      guard: { admits: (address) => address !== "6.6.6.6" || { retryAfter: 30 } },
      address: (request) => request.headers.get("x-real-ip") ?? undefined,
    });
    const ask = async (headers: Record<string, string>, method = "GET"): Promise<Response> =>
      fetch(new Request("https://app.test/profile", { method, headers }));
    expect((await ask({ "sec-fetch-site": "cross-site" }, "POST")).status).toBe(403);
    const guess = await ask({ cookie: "__Host-session=x", "x-real-ip": "6.6.6.6" });
    expect([guess.status, guess.headers.get("Retry-After")]).toEqual([429, "30"]);
  });

  test("what is no app, and options that are not known, are mistakes", () => {
    const sessions = createSessions<Data>();
    expect(() => sessionFetch({} as never, { sessions, keys })).toThrow("Expected an app with `fetch`");
    expect(() => sessionFetch(new Hono(), { sessions, keys, onerror: 1 } as never)).toThrow(/onerror/);
  });
});

test("an upgrade goes through it, to the WebSockets of Hono", async () => {
  const { app, fetch } = newApp(memoryStore());
  app.get(
    "/live",
    upgradeWebSocket((c) => ({
      onOpen: (_event, socket) => socket.send(`hello ${(c.env as never as SessionBindings).session.userId}`),
    })),
  );
  const wss = new WebSocketServer({ noServer: true });
  const server = serve({ fetch, port: 0, hostname: "127.0.0.1", websocket: { server: wss as never } });
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/live`);
  onTestFinished(() => socket.terminate());
  expect(String((await once(socket, "message"))[0])).toBe("hello null");
});

test("types: the session has the fields of the manager's data", () => {
  const sessions = createSessions<{ role: "admin" | "reader" }>();
  const app = new Hono<{ Bindings: SessionBindings<{ role: "admin" | "reader" }, "sync"> }>();
  app.get("/", (c) => {
    expectTypeOf(c.env.session.get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
    expectTypeOf(c.env.session.logout()).toEqualTypeOf<boolean>();
    return c.text("ok");
  });
  expect(sessionFetch(app, { sessions, keys })).toBeTypeOf("function");
});
