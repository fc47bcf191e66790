import { StoreError } from "sojourn";
import { describe, expect, test } from "vitest";
import type { Log } from "../../src/http/log.ts";
import { said, testApp, type TestApp } from "../support/test-app.ts";

const TOKEN = "t0ken-that-no-line-may-hold";

function logged(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const line = (level: string) => (fields: object, message: string) => {
    lines.push(JSON.stringify({ level, message, ...fields }));
  };
  return { lines, log: { info: line("info"), warn: line("warn"), error: line("error") } };
}

const REQUESTS: readonly (readonly [string, (bench: TestApp) => Promise<Response>])[] = [
  ["POST /sessions", async ({ post }) => post("/sessions", { token: TOKEN, user: "u_42" })],
  ["GET /sessions/:token", async ({ get }) => get(`/sessions/${TOKEN}`)],
  ["POST /sessions/:token/logout", async ({ post }) => post(`/sessions/${TOKEN}/logout`)],
  ["GET /sessions", async ({ get }) => get("/sessions")],
  ["GET /readyz", async ({ get }) => get("/readyz")],
];

describe.each(REQUESTS)("%s", (_, send) => {
  test("is a 503 while the store fails, and works when it is back", async () => {
    const { log, lines } = logged();
    const bench = testApp({ log });
    await bench.post("/sessions", { token: TOKEN, user: "u_42" });
    bench.breakStore(() => {
      throw new StoreError("store_unavailable", "/secret/path", { cause: new Error("EIO") });
    });
    const response = await send(bench);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    const text = await response.text();
    expect(JSON.parse(text)).toEqual({ error: expect.stringContaining("store") });
    expect(text).not.toContain("/secret/path");
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('"code":"store_unavailable"');
    expect(lines[0]).toContain("EIO");
    expect(lines[0]).not.toContain(TOKEN);

    bench.breakStore(undefined);
    expect((await send(bench)).status).toBeLessThan(300);
  });

  test("is a 500 without details when something unforeseen is thrown, which is logged without its fields", async () => {
    const { log, lines } = logged();
    const bench = testApp({ log });
    await bench.post("/sessions", { token: TOKEN, user: "u_42" });
    bench.breakStore(() => {
      throw Object.assign(new TypeError("a bug"), { input: TOKEN });
    });
    expect(await said(send(bench))).toBe('500 {"error":"The server failed to answer this request"}');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("a bug");
    expect(lines[0]).not.toContain(TOKEN);
  });
});

test("/healthz does not depend on the store", async () => {
  const bench = testApp();
  bench.breakStore(() => {
    throw new StoreError("store_closed", "closed");
  });
  expect(await said(bench.get("/healthz"))).toBe('200 "ok"');
});

test("a logout whose destroy fails is not said to have worked", async () => {
  const bench = testApp();
  await bench.post("/sessions", { token: TOKEN, user: "u_42" });
  let calls = 0;
  bench.breakStore((() => {
    if (++calls > 1) throw new StoreError("store_timeout", "late");
  }) as () => never);
  expect((await bench.post(`/sessions/${TOKEN}/logout`)).status).toBe(503);
  bench.breakStore(undefined);
  expect(await said(bench.get(`/sessions/${TOKEN}`))).toBe('200 "u_42"');
});

test("each request is one line in the log, with its route instead of its path", async () => {
  const { log, lines } = logged();
  const { get, post } = testApp({ log, logRequests: true });
  await post("/sessions", { token: TOKEN, user: "u_42" });
  await get(`/sessions/${TOKEN}`);
  await get(`/sessions/${TOKEN}?${TOKEN}`);
  await post(`/sessions/${TOKEN}/logout`);
  await get(`/sessions/${TOKEN}/`);
  await get(`/${TOKEN}`);
  await get(`/sessions/${TOKEN}%00`);
  await get("/sessions", { host: "evil.example" });
  expect(lines.join("\n")).not.toContain(TOKEN);
  const told = lines.map((line) => JSON.parse(line) as { method: string; path: string; status: number; ms: number });
  expect(told.map(({ method, path, status }) => `${method} ${path} ${status}`)).toEqual([
    "POST /sessions 201",
    "GET /sessions/:token 200",
    "GET /sessions/:token 400",
    "POST /sessions/:token/logout 204",
    "GET (unknown) 404",
    "GET (unknown) 404",
    "GET /sessions/:token 400",
    "GET /sessions 403",
  ]);
  for (const { ms } of told) expect(ms).toBeGreaterThanOrEqual(0);
});
