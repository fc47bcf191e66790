import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createApp } from "../../../src/http/app.ts";
import { said, testApp } from "../../support/test-app.ts";

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
