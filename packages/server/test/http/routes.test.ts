import { describe, expect, test } from "vitest";
import { said, testApp } from "../support/test-app.ts";

const LOGIN = { token: "t1", user: "u_42" };

describe("the four routes", () => {
  test("log in, resolve, count, log out, resolve again, count", async () => {
    const { get, post } = testApp();
    expect(await said(post("/sessions", LOGIN))).toBe('201 "ok"');
    expect(await said(get("/sessions/t1"))).toBe('200 "u_42"');
    expect(await said(get("/sessions"))).toBe("200 1");
    expect(await said(post("/sessions/t1/logout"))).toBe("204 ");
    expect(await said(get("/sessions/t1"))).toBe("404 ");
    expect(await said(get("/sessions"))).toBe("200 0");
  });

  test("logging out is idempotent", async () => {
    const { post } = testApp();
    expect(await said(post("/sessions/never/logout"))).toBe("204 ");
    await post("/sessions", LOGIN);
    expect(await said(post("/sessions/t1/logout"))).toBe("204 ");
    expect(await said(post("/sessions/t1/logout"))).toBe("204 ");
  });

  test("a session expires at its ttl, although it was read, and is not counted, with no sweep", async () => {
    const { get, post, advance, calls } = testApp({ ttl: 2_000 });
    await post("/sessions", LOGIN);
    advance(1_999);
    expect(await said(get("/sessions/t1"))).toBe('200 "u_42"');
    advance(1);
    expect(await said(get("/sessions/t1"))).toBe("404 ");
    expect(await said(get("/sessions"))).toBe("200 0");
    expect(calls).not.toContain("sweep");
  });

  test("a login with the same token restarts the clock, for the new user", async () => {
    const { get, post, advance } = testApp({ ttl: 2_000 });
    await post("/sessions", LOGIN);
    advance(1_500);
    expect(await said(post("/sessions", { token: "t1", user: "u_43" }))).toBe('201 "ok"');
    advance(1_500);
    expect(await said(get("/sessions/t1"))).toBe('200 "u_43"');
    expect(await said(get("/sessions"))).toBe("200 1");
  });

  test("reading writes nothing", async () => {
    const { get, post, calls, advance } = testApp();
    await post("/sessions", LOGIN);
    calls.length = 0;
    advance(29 * 60_000);
    await get("/sessions/t1");
    expect(calls).toEqual(["get"]);
  });

  test.each([
    ["a slash, a question mark and a hash", "a/b?c#d"],
    ["a percent sign and a plus", "100%25 + 1"],
    ["128 characters of two units each", "🔑".repeat(128)],
    ["something like a path", "../x/./logout"],
    ["control characters and a backslash", "\u0001\n\\"],
    ["an accent as one character, and as two", "é\u0065\u0301"],
  ])("a token may hold %s", async (_, token) => {
    const { get, post } = testApp();
    const path = `/sessions/${encodeURIComponent(token)}`;
    expect(await said(post("/sessions", { token, user: "u_42" }))).toBe('201 "ok"');
    expect(await said(get(path))).toBe('200 "u_42"');
    expect(await said(get(`${path}?a=/logout#b`))).toBe('200 "u_42"');
    expect(await said(post(`${path}/logout`))).toBe("204 ");
    expect(await said(get(path))).toBe("404 ");
  });

  test("a user id comes back as it was sent", async () => {
    const { get, post } = testApp();
    const user = 'ü "\\\u2028🙂';
    await post("/sessions", { token: "t1", user });
    expect(await (await get("/sessions/t1")).json()).toBe(user);
  });

  test("a token that the library minted resolves and logs out as well", async () => {
    const { get, post, sessions } = testApp();
    const { token } = await sessions.create("u_42");
    expect(await said(get(`/sessions/${token}`))).toBe('200 "u_42"');
    expect(await said(post(`/sessions/${token}/logout`))).toBe("204 ");
    expect(await said(get(`/sessions/${token}`))).toBe("404 ");
  });

  test("an anonymous session is nobody's", async () => {
    const { get, sessions } = testApp();
    const { token } = await sessions.create(null);
    expect(await said(get(`/sessions/${token}`))).toBe("404 ");
  });
});

async function asked(): Promise<readonly Response[]> {
  const { get, post } = testApp();
  return [
    await post("/sessions", LOGIN),
    await get("/sessions/t1"),
    await get("/sessions"),
    await post("/sessions/t1/logout"),
    await get("/sessions/t1"),
    await get("/nowhere"),
    await post("/sessions", []),
    await post("/healthz"),
    await get("/readyz"),
  ];
}

describe("every answer", () => {
  test("is not to be cached, nor taken for anything but what it says it is", async () => {
    for (const { headers } of await asked()) {
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    }
  });

  test("is JSON if it has a body, and has no content type if it has none", async () => {
    for (const response of await asked()) {
      const text = await response.text();
      expect(response.headers.get("content-type")).toBe(text === "" ? null : "application/json");
      expect(() => JSON.parse(text === "" ? "null" : text) as unknown).not.toThrow();
    }
  });
});

describe("methods and paths", () => {
  test.each([
    ["/sessions", ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"], "GET, HEAD, POST"],
    ["/sessions/t1", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"], "GET, HEAD"],
    ["/sessions/", ["POST", "DELETE"], "GET, HEAD"],
    ["/sessions/t1/logout", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"], "POST"],
    ["/sessions//logout", ["GET", "DELETE"], "POST"],
    ["/sessions/%00/logout", ["GET"], "POST"],
    ["/healthz", ["POST", "constructor", "__proto__"], "GET, HEAD"],
    ["/readyz", ["POST"], "GET, HEAD"],
  ])("%s answers other methods with 405 and those it knows", async (path, methods, allow) => {
    const { app, calls } = testApp();
    for (const method of methods) {
      const response = await app.request(path, { method });
      expect([method, response.status, response.headers.get("allow")]).toEqual([method, 405, allow]);
      expect(await response.text()).toMatch(method === "HEAD" ? /^$/ : /^\{"error":"Expected the method .*"\}$/);
    }
    expect(calls).toEqual([]);
  });

  test("HEAD says what GET says, without the body", async () => {
    const { app, post } = testApp();
    await post("/sessions", LOGIN);
    expect(await said(app.request("/sessions/t1", { method: "HEAD" }))).toBe("200 ");
    expect(await said(app.request("/sessions/t2", { method: "HEAD" }))).toBe("404 ");
    expect(await said(app.request("/sessions", { method: "HEAD" }))).toBe("200 ");
  });

  test.each([
    "/",
    "/session",
    "/sessions/t1/",
    "/sessions/t1/logout/",
    "/sessions/t1/x",
    "//sessions",
    "/%73essions",
    "/SESSIONS",
  ])("%s is no path", async (path) => {
    const { app, calls } = testApp();
    const response = await app.fetch(new Request(`http://localhost${path}`));
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({ error: "There is no such path" });
    expect(calls).toEqual([]);
  });
});

describe("health", () => {
  test("/healthz asks nothing of the store, /readyz does", async () => {
    const { get, calls } = testApp();
    expect(await said(get("/healthz"))).toBe('200 "ok"');
    expect(calls).toEqual([]);
    expect(await said(get("/readyz"))).toBe('200 "ready"');
    expect(calls).toEqual(["count"]);
  });

  test("/readyz says that the server is stopping, /healthz that it is alive", async () => {
    const { get } = testApp({ isStopping: () => true });
    expect(await said(get("/readyz"))).toBe('503 {"error":"The server is stopping"}');
    expect(await said(get("/healthz"))).toBe('200 "ok"');
  });
});
