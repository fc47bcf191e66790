import { describe, expect, test } from "vitest";
import { testApp } from "../support/test-app.ts";

const SECRET = "s3cret-that-no-error-may-repeat";
const PAGE = "https://app.example.com";
const KEY = "correct-horse-battery-staple-42!";

describe("query parameters that a route does not know", () => {
  test.each([
    ["GET", "/sessions?user=u_42"],
    ["GET", `/sessions?${SECRET}`],
    ["GET", `/sessions?=${SECRET}`],
    ["GET", "/sessions?__proto__=1"],
    ["HEAD", "/sessions?user"],
    ["POST", "/sessions?ttl=1h"],
    ["GET", `/sessions/t1?token=${SECRET}`],
    ["POST", "/sessions/t1/logout?all=true"],
    ["GET", "/healthz?verbose"],
    ["GET", "/readyz?verbose=1"],
  ])("%s %s is a 400, and the store is not asked", async (method, path) => {
    const { app, calls } = testApp();
    const response = await app.request(path, { method });
    expect([response.status, calls]).toEqual([400, []]);
    expect(await response.text()).toMatch(method === "HEAD" ? /^$/ : /^\{"error":"Expected no query parameters"\}$/);
  });

  test("a question mark alone is none, and the path counts before the query", async () => {
    const { get } = testApp();
    expect((await get("/sessions?")).status).toBe(200);
    expect((await get("/nowhere?a=1")).status).toBe(404);
  });
});

describe("pages of other origins", () => {
  const preflight = { origin: PAGE, "access-control-request-method": "POST" };

  test("get no permission unless their origin was named", async () => {
    const { app, get } = testApp({ open: true });
    expect((await get("/sessions", { origin: PAGE })).headers.get("access-control-allow-origin")).toBeNull();
    expect((await app.request("/sessions", { method: "OPTIONS", headers: preflight })).status).toBe(405);
    const named = testApp({ open: true, cors: ["https://other.example.com"] });
    expect((await named.get("/sessions", { origin: PAGE })).headers.get("access-control-allow-origin")).toBeNull();
  });

  test.each([[[PAGE, "http://localhost:5173"]], [["*"]]])("may ask and read, by %j", async (cors) => {
    const { app, get, post } = testApp({ open: true, cors });
    const allowed = await app.request("/sessions", { method: "OPTIONS", headers: preflight });
    expect([allowed.status, allowed.headers.get("access-control-allow-methods")]).toEqual([204, "GET,HEAD,POST"]);
    expect(allowed.headers.get("access-control-allow-headers")).toBe("authorization,content-type");
    expect(allowed.headers.get("access-control-allow-credentials")).toBeNull();
    const origin = cors[0] === "*" ? "*" : PAGE;
    for (const response of [
      allowed,
      await post("/sessions", { token: "t1", user: "u_42" }, { origin: PAGE }),
      await get("/sessions/t1", { origin: PAGE }),
      await get("/sessions/t2", { origin: PAGE }),
      await get("/nowhere", { origin: PAGE }),
      await get("/sessions/%00", { origin: PAGE }),
    ]) {
      expect(response.headers.get("access-control-allow-origin")).toBe(origin);
      expect(response.headers.get("vary") ?? "").toContain(origin === "*" ? "" : "Origin");
    }
  });

  test("need the key as well, which they may send", async () => {
    const { app, get } = testApp({ apiKey: KEY, cors: [PAGE] });
    expect((await app.request("/sessions", { method: "OPTIONS", headers: preflight })).status).toBe(204);
    const refused = await get("/sessions", { origin: PAGE });
    // The page gets to read why.
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([401, PAGE]);
    expect((await get("/sessions", { origin: PAGE, authorization: `Bearer ${KEY}` })).status).toBe(200);
  });

  test("without a key, a named one may ask this machine's service, and no other one", async () => {
    const { get } = testApp({ cors: [PAGE] });
    const from = async (origin: string): Promise<number> =>
      (await get("/sessions", { origin, "sec-fetch-site": "cross-site" })).status;
    expect([await from(PAGE), await from("https://evil.example"), await from("null")]).toEqual([200, 403, 403]);
    // The name of a page that was made to point here.
    expect((await get("/sessions", { origin: PAGE, host: "evil.example" })).status).toBe(403);
  });
});
