import { expect, test } from "vitest";
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
