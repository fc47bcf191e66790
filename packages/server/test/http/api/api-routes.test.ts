import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, StoreError } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { apiRequests } from "../../support/api-requests.ts";
import { apiBench } from "../../support/ask-api.ts";

const KEY = "correct-horse-battery-staple-42!";
const NAMES = Object.keys(apiRequests({ id: "", token: "" }));
const request = (name: string, session: { id: string; token: string }) => apiRequests(session)[name]!;

describe.each(NAMES)("%s", (name) => {
  test("is a 503 with the store's code while the store fails, and works when it is back", async () => {
    const lines: string[] = [];
    const line = (fields: object, message: string): unknown => lines.push(JSON.stringify({ ...fields, message }));
    const { ask, start, breakStore } = apiBench({ log: { info: line, warn: line, error: line }, logRequests: true });
    const session = await start();
    lines.length = 0;
    breakStore(() => {
      throw new StoreError("store_timeout", "/secret/path", { cause: new Error("EIO") });
    });
    const got = await ask(...request(name, session));
    expect([got.status, got.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(got.body).toMatchObject({ type: "urn:sojourn:problem:store_timeout", status: 503, code: "store_timeout" });
    expect(got.text).not.toContain("/secret/path");
    expect(lines.join()).toContain("EIO");
    for (const secret of [session.token, session.id]) expect(lines.join() + got.text).not.toContain(secret);
    breakStore(undefined);
    expect((await ask(...request(name, session))).status).toBeLessThan(300);
  });

  test("is a 500 without details when something unforeseen is thrown", async () => {
    const { ask, start, breakStore } = apiBench();
    const session = await start();
    breakStore(() => {
      throw new TypeError("a bug");
    });
    const got = await ask(...request(name, session));
    expect([got.status, got.body["code"], got.text.includes("a bug")]).toEqual([500, "internal_error", false]);
  });

  test("needs the key, and then works", async () => {
    const { ask, start, sessions } = apiBench({ apiKey: KEY });
    expect((await start()).id).toBeUndefined();
    const session = await sessions.create("ann");
    const [line, body] = request(name, session);
    const refused = await ask(line, body);
    expect([refused.status, refused.body["code"]]).toEqual([401, "api_key_required"]);
    expect(refused.headers.get("www-authenticate")).toBe('Bearer realm="sojourn"');
    expect((await ask(line, body, { authorization: `Bearer ${KEY}` })).status).toBeLessThan(300);
  });

  test("without a key, is not for pages of other origins", async () => {
    const { ask, sessions, calls } = apiBench();
    const [line, body] = request(name, await sessions.create("ann"));
    calls.length = 0;
    const got = await ask(line, body, { origin: "https://evil.example" });
    expect([got.status, got.body["code"], calls]).toEqual([403, "forbidden", []]);
  });

  test("is not there where everybody may ask", async () => {
    const { ask, sessions } = apiBench({ open: true });
    expect((await ask(...request(name, await sessions.create("ann")))).body["code"]).toBe("no_such_path");
  });
});

test("a real file that was deleted is a 503, never a 404", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-api-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const store = sqliteStore({ path: join(folder, "sessions.db") });
  onTestFinished(() => store.close());
  const sessions = createSessions({ store });
  const { id } = sessions.create("ann");
  const app = createApp({ sessions });
  rmSync(folder, { recursive: true });
  expect((await app.request(`/api/v1/sessions/${id.slice(0, -1)}A`)).status).toBe(503);
});

test("another method is a 405 that names those that there are; HEAD says what GET says", async () => {
  const { app, ask, start } = apiBench();
  const { id } = await start();
  for (const [path, allow] of [
    ["/sessions", "GET, HEAD, POST"],
    [`/sessions/${id}`, "GET, HEAD, PATCH, DELETE"],
    ["/sessions/authenticate", "POST"],
    ["/users/ann/sessions", "GET, HEAD, DELETE"],
  ] as const) {
    const got = await ask(`PUT ${path}`);
    expect([got.status, got.headers.get("allow"), got.body["code"]]).toEqual([405, allow, "method_not_allowed"]);
  }
  const head = await app.request(`/api/v1/sessions/${id}`, { method: "HEAD" });
  expect([head.status, head.headers.get("etag"), await head.text()]).toEqual([200, '"1"', ""]);
});

test("the log has the route of a request, and nothing of what is in it", async () => {
  const lines: { path: string; method: string; status: number }[] = [];
  const log = { info: (fields: object) => lines.push(fields as never), warn: () => undefined, error: () => undefined };
  const { ask, start } = apiBench({ log, logRequests: true });
  const session = await start();
  for (const name of NAMES) await ask(...request(name, session));
  await ask(`GET /sessions/${session.token}`);
  expect(lines).toContainEqual(expect.objectContaining({ method: "PATCH", path: "/api/v1/sessions/:id", status: 200 }));
  expect(JSON.stringify(lines)).not.toMatch(/sess_|ann/);
});

test("a page of an origin that may ask learns that it may patch and delete, and reads the version", async () => {
  const origin = "https://app.example.com";
  const { app, ask, start } = apiBench({ cors: [origin] });
  const { id } = await start();
  const allowed = await app.request(`/api/v1/sessions/${id}`, { method: "OPTIONS", headers: { origin } });
  expect([allowed.status, allowed.headers.get("access-control-allow-methods")]).toEqual([
    204,
    "GET,HEAD,POST,PATCH,DELETE",
  ]);
  expect(allowed.headers.get("access-control-allow-headers")).toBe("authorization,content-type,if-match");
  const got = await ask(`GET /sessions/${id}`, undefined, { origin });
  expect([got.status, got.headers.get("access-control-allow-origin")]).toEqual([200, origin]);
  expect(got.headers.get("access-control-expose-headers")).toBe("retry-after,etag,location");
});

test("Hono's fast router serves the other routes as before", async () => {
  const { app, get } = apiBench();
  await get("/sessions");
  expect(app.router.name).toBe("SmartRouter + RegExpRouter");
});
