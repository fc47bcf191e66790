import { expect, test } from "vitest";
import { said, testApp } from "../../support/test-app.ts";

const KEY = "correct-horse-battery-staple-42!";
const metrics = { contentType: "text/plain", text: () => "up 1\n" };

test("there is no such path without numbers", async () => {
  expect((await testApp().get("/metrics")).status).toBe(404);
});

test("they need the key, unless they are open", async () => {
  const { get } = testApp({ apiKey: KEY, metrics });
  expect((await get("/metrics")).status).toBe(401);
  expect(await said(get("/metrics", { authorization: `Bearer ${KEY}` }))).toBe("200 up 1\n");
  const open = testApp({ apiKey: KEY, metrics, openMetrics: true });
  expect(await said(open.get("/metrics"))).toBe("200 up 1\n");
  expect((await open.get("/sessions")).status).toBe(401);
});

test("without a key, another origin's page and another host's name are refused", async () => {
  const { get, post } = testApp({ metrics });
  expect((await get("/metrics", { host: "evil.example" })).status).toBe(403);
  expect((await post("/metrics")).status).toBe(405);
});

test("numbers that are none are refused", () => {
  expect(() => testApp({ metrics: { text: () => "" } as never })).toThrow("Expected `metrics` to be");
});
