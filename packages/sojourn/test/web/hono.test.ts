import { getRequestListener } from "@hono/node-server";
import { Hono, type Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { stream } from "hono/streaming";
import { describe, expect, expectTypeOf, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { createSessions } from "../../src/sessions/create-sessions.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { faultyStore } from "../../src/testing/faulty-store.ts";
import { sessionMiddleware, type SessionEnv } from "../../src/web/hono.ts";
import { visit } from "./support/socket-visitor.ts";
import { KEY, keptOf, stores } from "./support/visitor.ts";

const keys = [KEY];

describe.each(stores)("Hono, on %s", (_, open) => {
  function started() {
    const sessions = createSessions({ store: open() });
    const app = new Hono<SessionEnv>().use(sessionMiddleware({ sessions, keys }));
    let cookie: string | undefined;
    const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
      const response = await app.request(path, { ...init, headers: { ...(cookie !== undefined && { cookie }) } });
      for (const line of response.headers.getSetCookie()) if (line.startsWith("__Host-")) cookie = keptOf(line);
      return response;
    };
    const login = async (): Promise<Response> => ask("/login", { method: "POST" });
    app.post("/login", async (c) => {
      await c.var.session.login("42", { role: "admin" });
      return c.json({ logged_in: true });
    });
    app.get("/profile", (c) => c.json({ user_id: c.var.session.userId }));
    app.post("/logout", async (c) => {
      await c.var.session.logout();
      return c.json({ logged_out: true });
    });
    return { app, sessions, ask, login, cookie: () => cookie };
  }

  test("login, profile, logout", async () => {
    const { ask, login, sessions, cookie } = started();
    expect(await (await ask("/profile")).json()).toEqual({ user_id: null });
    const answer = await login();
    expect(answer.headers.getSetCookie()).toHaveLength(1);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    const profile = await ask("/profile");
    expect(await profile.json()).toEqual({ user_id: "42" });
    expect(profile.headers.get("Vary")).toBe("Cookie");
    expect(profile.headers.getSetCookie()).toEqual([]);
    await ask("/logout", { method: "POST" });
    expect(cookie()).toBeUndefined();
    expect(await sessions.count()).toBe(0);
  });

  test.each([
    ["c.redirect", (c: Context) => c.redirect("/profile", 303)],
    ["Response.redirect, whose headers cannot be changed", () => Response.redirect("https://app.test/profile", 303)],
  ])("a redirect carries the cookie, and comes when all is saved: %s", async (_, redirect) => {
    const { app, ask, cookie, sessions } = started();
    app.post("/cart", (c) => {
      c.var.session.set("n", 1);
      return redirect(c);
    });
    const answer = await ask("/cart", { method: "POST" });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("Location")).toMatch(/\/profile$/);
    expect(cookie()).toBeDefined();
    expect(await sessions.count()).toBe(1);
  });

  test("streams begin after the commit; a change within them is an error", async () => {
    const { app, ask, sessions } = started();
    let late: unknown;
    app.get("/stream", (c) => {
      c.var.session.set("n", 1);
      return stream(c, async (out) => {
        await out.write("one ");
        try {
          c.var.session.set("n", 2);
        } catch (error) {
          late = error;
        }
        await out.write("two");
      });
    });
    const response = await ask("/stream");
    expect(response.headers.getSetCookie()).toHaveLength(1);
    expect(await response.text()).toBe("one two");
    expect(late).toBeInstanceOf(TypeError);
    expect(await sessions.count()).toBe(1);
  });

  test("other cookies and headers of the handler stay", async () => {
    const { app, ask } = started();
    app.get("/theme", (c) => {
      c.var.session.set("n", 1);
      c.header("Set-Cookie", "theme=dark", { append: true });
      c.header("Set-Cookie", "lang=en", { append: true });
      c.header("Vary", "Accept-Language");
      return c.body("ok", 201, { "X-Own": "1" });
    });
    const { headers, status } = await ask("/theme");
    expect(status).toBe(201);
    expect(headers.getSetCookie().map((line) => line.split("=")[0])).toEqual(["theme", "lang", "__Host-session"]);
    expect(headers.get("Vary")).toBe("Accept-Language, Cookie");
    expect(headers.get("X-Own")).toBe("1");
  });

  test("a handler that throws keeps nothing and sets no cookie; the page of its error does", async () => {
    const { app, ask, sessions } = started();
    app.onError((error, c) => (error instanceof HTTPException ? error.getResponse() : c.text("crashed", 500)));
    app.get("/crash", async (c) => {
      await c.var.session.login("ann");
      c.var.session.set("n", 1);
      throw new Error("on purpose");
    });
    app.get("/teapot", async (c) => {
      c.var.session.set("n", 1);
      throw new HTTPException(418, { message: "short and stout" });
    });
    const crash = await ask("/crash");
    expect(crash.status).toBe(500);
    expect([...crash.headers.keys()]).not.toContain("set-cookie");
    expect(await sessions.count()).toBe(0);
    const teapot = await ask("/teapot");
    expect(teapot.status).toBe(418);
    expect(teapot.headers.getSetCookie()).toHaveLength(1);
    expect(await sessions.count()).toBe(1);
  });

  test("what is not found, and HEAD, have sessions as well", async () => {
    const { ask, login } = started();
    await login();
    expect((await ask("/nowhere")).status).toBe(404);
    const head = await ask("/profile", { method: "HEAD" });
    expect(head.status).toBe(200);
    expect(head.headers.get("Vary")).toBe("Cookie");
  });
});

describe("Hono, where something is refused", () => {
  test.each([
    ["get", "GET"],
    ["put", "POST"],
  ] as const)("a store that is down in %s is a 503, with the fault as the cause", async (call, method) => {
    const inner = memoryStore();
    const up = createSessions({ store: inner });
    const down = createSessions({ store: faultyStore(inner, [{ call, fault: "fail" }]) });
    let sessions = up;
    const make = () => {
      const app = new Hono<SessionEnv>().use(sessionMiddleware({ sessions, keys }));
      app.post("/", (c) => {
        c.var.session.set("n", 1);
        return c.text("ok");
      });
      app.get("/", (c) => c.text(String(c.var.session.get("n"))));
      return app;
    };
    const first = await make().request("/", { method: "POST" });
    const cookie = keptOf(first.headers.getSetCookie()[0] ?? "") ?? "";
    sessions = down;
    const app = make();
    const answer = await app.request("/", { method, headers: method === "GET" ? { cookie } : {} });
    expect(answer.status).toBe(503);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(answer.headers.get("Cache-Control")).toBe("no-store");
    let caught: unknown;
    app.onError((error, c) => {
      caught = error.cause;
      return c.text("away", 503);
    });
    await app.request("/", { method, headers: method === "GET" ? { cookie } : {} });
    expect(caught).toBeInstanceOf(StoreError);
    sessions = up;
    expect(await (await make().request("/", { headers: { cookie } })).text()).toBe("1");
  });

  test("a commit that fails ends the session that began", async () => {
    const sessions = createSessions({ store: memoryStore(), maxDataLength: 50 });
    const app = new Hono<SessionEnv>().use(sessionMiddleware({ sessions, keys }));
    app.get("/", async (c) => {
      await c.var.session.login("ann");
      c.var.session.set("n", "x".repeat(100));
      return c.text("ok");
    });
    expect((await app.request("/")).status).toBe(400);
    expect(sessions.count()).toBe(0);
  });

  test("another site's request is a 403, a guesser's a 429 with Retry-After", async () => {
    const sessions = createSessions();
    const app = new Hono().use(
      sessionMiddleware({
        sessions,
        keys,
        csrf: true,
        guard: { admits: (address) => address !== "6.6.6.6" || { retryAfter: 30 } },
        address: (c) => c.req.header("x-real-ip"),
      }),
    );
    app.all("/", (c) => c.text("ok"));
    const cookie = "__Host-session=x";
    const cross = await app.request("/", { method: "POST", headers: { cookie, "sec-fetch-site": "cross-site" } });
    expect(cross.status).toBe(403);
    const guess = await app.request("/", { headers: { cookie, "x-real-ip": "6.6.6.6" } });
    expect(guess.status).toBe(429);
    expect(guess.headers.get("Retry-After")).toBe("30");
    expect((await app.request("/", { headers: { cookie, "x-real-ip": "7.7.7.7" } })).status).toBe(200);
  });

  test("types: fields, and values or promises, as the manager has them", () => {
    const sessions = createSessions<{ role: "admin" | "reader"; visits: number }>();
    const app = new Hono().use(sessionMiddleware({ sessions, keys }));
    app.get("/", (c) => {
      const { session } = c.var;
      expectTypeOf(session.get("role")).toEqualTypeOf<"admin" | "reader" | undefined>();
      expectTypeOf(session.logout()).toEqualTypeOf<boolean>();
      expectTypeOf(session.login("ann", { role: "admin" }).id).toEqualTypeOf<string>();
      // @ts-expect-error a field that is none
      session.get("rule");
      // @ts-expect-error a value of another type
      session.set("visits", "3");
      return c.text("ok");
    });
    expect(app.routes.length).toBeGreaterThan(1);
  });
});

test("a request that a handler makes itself is not the user's, whose headers the environment still has", async () => {
  const session = sessionMiddleware({ sessions: createSessions(), keys });
  const inner = new Hono<SessionEnv>().use(session);
  inner.get("/me", (c) => c.text(`inner ${c.var.session.userId}`));
  const app = new Hono<SessionEnv>().use("/me", session).use("/login", session);
  app.get("/me", (c) => c.text(`outer ${c.var.session.userId}`));
  app.post("/login", async (c) => {
    await c.var.session.login("ann");
    return c.text("welcome");
  });
  const answer = getRequestListener(app.fetch);
  app.get("/own", async (c) => {
    const headers = c.req.header("x-own") === undefined ? c.req.raw.headers : {};
    return inner.fetch(new Request("http://inner.test/me", { headers }), c.env);
  });
  const { ask } = await visit((request, response) => void answer(request, response));
  await ask("/login", { method: "POST" });
  expect((await ask("/me")).body).toBe("outer ann");
  expect((await ask("/own", { headers: { "x-own": "1" } })).body).toBe("inner null");
  // Unless the handler passes them on.
  expect((await ask("/own")).body).toBe("inner ann");
});
