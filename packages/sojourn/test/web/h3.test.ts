/** The middleware in apps of h3 2, whose own server functions answer. */
import { H3, HTTPError, redirect } from "h3";
import { describe, expect, expectTypeOf, test } from "vitest";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import type { Sessions } from "../../src/sessions/sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Mode } from "../../src/store/reply.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/async-store.ts";
import { faultyStore, type Fault } from "../../src/testing/faulty-store.ts";
import { sessionMiddleware, type RequestSession, type SessionMiddlewareOptions } from "../../src/web/h3.ts";
import { KEY, keptOf, stores, type Data } from "./support/visitor.ts";

const keys = [KEY];

type Handler = (session: RequestSession<Data>) => unknown;

interface Started {
  readonly sessions: Sessions<Data, Mode>;
  readonly app: H3;
  cookie: string | undefined;
  ask(path: string, init?: RequestInit): Promise<Response>;
}

function started(
  handlers: Record<string, Handler>,
  store: Store = memoryStore(),
  options: Partial<SessionMiddlewareOptions<Data, Mode>> = {},
): Started {
  const sessions = createSessions<Data>({ store });
  const session = sessionMiddleware<Data, Mode>({ sessions, keys, ...options });
  const app = new H3({ silent: true }).use(session);
  for (const [path, handle] of Object.entries(handlers)) app.all(path, (event) => handle(session.of(event)));
  const self: Started = {
    sessions,
    app,
    cookie: undefined,
    async ask(path, init = {}) {
      const headers = new Headers(init.headers);
      if (self.cookie !== undefined) headers.set("cookie", self.cookie);
      const response = await app.request(`https://app.test${path}`, { ...init, headers });
      for (const line of response.headers.getSetCookie()) {
        if (line.startsWith("__Host-session=")) self.cookie = keptOf(line);
      }
      return response;
    },
  };
  return self;
}

const POST = { method: "POST" };
const basics: Record<string, Handler> = {
  "/login": async (session) => {
    await session.login("ann");
    return redirect("/profile", 303);
  },
  "/profile": (session) => ({ user: session.userId }),
  "/logout": async (session) => ({ ended: await session.logout() }),
};

describe.each(stores)("h3, on %s", (_, open) => {
  test("login, profile, logout", async () => {
    const app = started(basics, open());
    expect(await (await app.ask("/profile")).json()).toEqual({ user: null });
    const login = await app.ask("/login", POST);
    expect([login.status, login.headers.get("location"), login.headers.get("cache-control")]).toEqual([
      303,
      "/profile",
      "no-store",
    ]);
    const profile = await app.ask("/profile");
    expect(await profile.json()).toEqual({ user: "ann" });
    expect(profile.headers.get("vary")).toBe("Cookie");
    const logout = await app.ask("/logout", POST);
    expect(logout.headers.getSetCookie()).toEqual([expect.stringMatching(/^__Host-session=; Max-Age=0;/)]);
    expect(await (await app.ask("/profile")).json()).toEqual({ user: null });
    expect(await app.sessions.count()).toBe(0);
  });

  test.each<[way: string, status: number, answer: () => unknown]>([
    ["text", 200, () => "ok"],
    ["an object", 200, () => ({ ok: true })],
    ["nothing but null", 200, () => null],
    ["a stream", 200, () => new Blob(["ok"]).stream()],
    ["a Response", 201, () => new Response("ok", { status: 201 })],
    ["a Response that is an error", 404, () => new Response("none", { status: 404 })],
    ["a redirect", 302, () => redirect("/profile")],
    ["an error that is returned", 422, () => new HTTPError({ status: 422 })],
    [
      "an error that is thrown",
      403,
      () => {
        throw new HTTPError({ status: 403 });
      },
    ],
  ])("commits on every answer below 500: %s", async (_way, status, answer) => {
    const app = started({ "/": (session) => (session.set("n", 1), answer()) }, open());
    const response = await app.ask("/");
    expect(response.status).toBe(status);
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(await app.sessions.count()).toBe(1);
  });

  test.each<[way: string, status: number, answer: () => unknown]>([
    ["an error that is none of h3's", 500, () => Promise.reject(new Error("on purpose"))],
    ["h3's own", 503, () => Promise.reject(new HTTPError({ status: 503 }))],
    ["one that is returned", 500, () => new Error("on purpose")],
    ["a Response", 502, () => new Response("bad gateway", { status: 502 })],
  ])("keeps nothing after a 5xx: %s", async (_way, status, answer) => {
    const act: Handler = async (session) => {
      await session.login("ann");
      return answer();
    };
    const app = started({ "/": act }, open());
    const response = await app.ask("/");
    expect(response.status).toBe(status);
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(await app.sessions.count()).toBe(0);
  });
});

describe("h3", () => {
  test("keeps the headers of a Response, and those that handlers set", async () => {
    const headers = { "Set-Cookie": "theme=dark", Vary: "Accept" };
    const app = started({ "/": (session) => (session.set("n", 1), new Response("ok", { headers })) });
    const response = await app.ask("/");
    expect(response.headers.getSetCookie()).toEqual(["theme=dark", expect.stringMatching(/^__Host-session=/)]);
    expect(response.headers.get("vary")).toBe("Accept, Cookie");
  });

  test("what no route answers is a 404 with the session's cookie, where a middleware has begun one", async () => {
    const app = started({});
    app.app.use((event) => (event.context["session"] as RequestSession<Data>).set("n", 1));
    const response = await app.ask("/nowhere");
    expect(response.status).toBe(404);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });
});

const down = (fault: Fault): readonly (readonly [string, () => Store])[] => [
  ["a synchronous store", () => faultyStore(memoryStore(), [fault])],
  ["an asynchronous one", () => faultyStore(asyncStore(memoryStore()), [fault])],
];

describe("h3, where something is refused", () => {
  test.each(down({ call: "get", nth: 1, fault: "fail" }))(
    "a store that cannot tell is a 503, on %s",
    async (_name, open) => {
      const app = started(basics, open());
      await app.ask("/login", POST);
      const { cookie } = app;
      const response = await app.ask("/profile");
      expect([response.status, response.headers.get("cache-control")]).toEqual([503, "no-store"]);
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(app.cookie).toBe(cookie);
      expect(await (await app.ask("/profile")).json()).toEqual({ user: "ann" });
    },
  );

  test.each(down({ call: "put", fault: "fail" }))("a commit that fails is a 503, on %s", async (_name, open) => {
    let ended: unknown;
    const body = new ReadableStream({ cancel: (reason) => void (ended = reason) });
    for (const answer of [() => "all is well", () => body]) {
      const app = started({ "/": (session) => (session.set("n", 1), answer()) }, open());
      const response = await app.ask("/");
      expect(response.status).toBe(503);
      expect(response.headers.getSetCookie()).toEqual([]);
      expect(await response.text()).not.toContain("all is well");
    }
    expect(ended).toMatchObject({ code: "store_unavailable" });
  });

  test("another site's request is a 403, a guesser's a 429 with Retry-After", async () => {
    const guard = { admits: (address: string | undefined) => address !== "6.6.6.6" || { retryAfter: 30 } };
    const app = started(basics, memoryStore(), {
      guard,
      address: ({ req }) => req.headers.get("x-from") ?? undefined,
    });
    app.cookie = "__Host-session=x";
    const cross = await app.ask("/profile", { ...POST, headers: { "sec-fetch-site": "cross-site" } });
    expect(cross.status).toBe(403);
    expect(await cross.json()).toMatchObject({
      message: expect.stringContaining("another site"),
      data: { code: "cross_site_request" },
    });
    const guess = await app.ask("/profile", { headers: { "x-from": "6.6.6.6" } });
    expect([guess.status, guess.headers.get("retry-after")]).toEqual([429, "30"]);
  });

  test("an event that no middleware has given a session is a TypeError", () => {
    const { of } = sessionMiddleware({ sessions: createSessions<Data>(), keys });
    for (const event of [{ context: {} }, {}, undefined]) {
      expect(() => of(event as never)).toThrow("Expected an event that has a session");
    }
  });

  test("types: fields, and values or promises, as the manager has them", () => {
    const session = sessionMiddleware({ sessions: createSessions<{ role: "admin" | "reader" }>(), keys });
    new H3().use(session).get("/", (event) => {
      expectTypeOf(session.of(event).get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
      expectTypeOf(session.of(event).logout()).toEqualTypeOf<boolean>();
      // @ts-expect-error a field that is none
      session.of(event).get("rule");
    });
  });
});

test("two of them, with a manager each, do not take each other's sessions", async () => {
  const users = sessionMiddleware({ sessions: createSessions(), keys, cookie: { name: "__Host-user" } });
  const admins = sessionMiddleware({ sessions: createSessions(), keys, cookie: { name: "__Host-admin" } });
  const app = new H3().use(users).use(admins);
  app.post("/", (event) => {
    users.of(event).login("ann");
    admins.of(event).login("root");
    return [users.of(event).userId, admins.of(event).userId];
  });
  const login = await app.request("/", { method: "POST" });
  const names = login.headers.getSetCookie().map((line) => line.split("=")[0]);
  expect(new Set(names)).toEqual(new Set(["__Host-admin", "__Host-user"]));
  expect(await login.json()).toEqual(["ann", "root"]);
});
