import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, StoreError } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";
import { describe, expect, onTestFinished, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { said, testApp } from "../../support/test-app.ts";

const KEY = "correct-horse-battery-staple-42!";

test("/healthz asks nothing of the store, /readyz asks for one session", async () => {
  const { get, calls } = testApp();
  expect(await said(get("/healthz"))).toBe('200 "ok"');
  expect(calls).toEqual([]);
  expect(await said(get("/readyz"))).toBe('200 "ready"');
  expect(calls).toEqual(["get"]);
});

test("/readyz says that the server is stopping, /healthz that it is alive", async () => {
  const { get } = testApp({ isStopping: () => true });
  expect(await said(get("/readyz"))).toBe('503 {"error":"The server is stopping"}');
  expect(await said(get("/healthz"))).toBe('200 "ok"');
});

test.each(["each", "grouped"] as const)("/readyz is a 503 when the file is deleted, commit: %s", async (commit) => {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-probes-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "sessions.db");
  const store = sqliteStore({ path, commit } as { path: string });
  onTestFinished(async () => store.close());
  const app = createApp({ sessions: createSessions({ store }) });
  const login = async (): Promise<Response> =>
    app.request("/sessions", {
      method: "POST",
      body: JSON.stringify({ token: "t", user: "u_42" }),
      headers: { "content-type": "application/json" },
    });
  expect((await login()).status).toBe(201);
  expect((await app.request("/readyz")).status).toBe(200);
  rmSync(path);
  expect((await login()).status).toBe(503);
  expect((await app.request("/readyz")).status).toBe(503);
  expect((await app.request("/healthz")).status).toBe(200);
});

describe.each(["/healthz", "/readyz"])("%s", (path) => {
  test("answers a probe that has no key, and names the server as it likes", async () => {
    const { get } = testApp({ apiKey: KEY });
    expect((await get(path)).status).toBe(200);
    expect((await get(path, { host: "10.0.0.7:8787", authorization: "Bearer wrong" })).status).toBe(200);
    expect((await testApp().get(path, { host: "10.0.0.7:8787" })).status).toBe(200);
  });

  test("needs the key where it is protected", async () => {
    const { get, calls } = testApp({ apiKey: KEY, protectProbes: true });
    expect([(await get(path)).status, calls]).toEqual([401, []]);
    expect((await get(path, { authorization: `Bearer ${KEY}` })).status).toBe(200);
    expect((await testApp({ protectProbes: true }).get(path, { host: "evil.example" })).status).toBe(403);
  });
});

test("/readyz tells nothing of a fault but that there is one", async () => {
  const { get, breakStore } = testApp({ apiKey: KEY });
  breakStore(() => {
    throw new StoreError("store_unavailable", "/secret/path is full");
  });
  expect(await said(get("/readyz"))).toBe(
    '503 {"error":"The session store did not answer; nothing is known about the session"}',
  );
});
