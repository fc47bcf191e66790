import { describe, expect, test } from "vitest";
import { said, testApp } from "../support/test-app.ts";

const LOGIN = { token: "t1", user: "u_42" };

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
