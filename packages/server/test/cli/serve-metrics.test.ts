/** The numbers of the real command. */
import { expect, test } from "vitest";
import { readExposition } from "../support/exposition.ts";
import { httpClient } from "../support/http-client.ts";
import { inFolder, withServer } from "../support/server-process.ts";

const KEY = "correct-horse-battery-staple-42!";

test("/metrics needs the key, and tells what was asked of a file", async () => {
  await inFolder(async (cwd) => {
    await withServer([], { cwd, env: { SOJOURN_API_KEY: KEY } }, async ({ url, stdout }) => {
      const authorization = `Bearer ${KEY}`;
      expect(stdout()).toContain("Every request needs the API key, but /healthz and /readyz\n");
      expect((await fetch(`${url}/metrics`)).status).toBe(401);
      const { login, whoami } = httpClient(url, { authorization });
      await login("t1", "u_42");
      await whoami("t1");
      const response = await fetch(`${url}/metrics`, { headers: { authorization } });
      const { values } = readExposition(await response.text());
      expect(values.get("sojourn_sessions_live")).toBe(1);
      expect(values.get('sojourn_authenticate_duration_seconds_count{outcome="live"}')).toBe(1);
      expect([...values.keys()].find((name) => name.startsWith("sojourn_build_info"))).toContain('store="sqlite"');
    });
  });
});

test("--open-metrics opens them, and nothing else", async () => {
  await inFolder(async (cwd) => {
    const args = ["--store", "memory:", "--open-metrics"];
    await withServer(args, { cwd, env: { SOJOURN_API_KEY: KEY } }, async ({ url, stdout }) => {
      expect(stdout()).toContain("Every request needs the API key, but /healthz, /readyz and /metrics\n");
      expect((await fetch(`${url}/metrics`)).status).toBe(200);
      expect((await fetch(`${url}/sessions`)).status).toBe(401);
    });
  });
});
