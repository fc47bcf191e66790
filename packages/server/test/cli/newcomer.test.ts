/** What somebody types who has just installed it, with the real command. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { httpClient } from "../support/http-client.ts";
import { inFolder, withServer } from "../support/server-process.ts";

test.each([["sqlite:./sojourn.db"], ["memory:"]])("the twelve lines, on %s", async (store) => {
  await inFolder(async (cwd) => {
    await withServer(["--store", store], { cwd }, async ({ url, stop, stdout }) => {
      const { login, whoami, logout, active } = httpClient(url);
      expect(stdout()).toContain(`sojourn listens on ${url}\n`);
      expect(stdout()).toContain(store === "memory:" ? "in memory" : join(cwd, "sojourn.db"));
      expect(stdout()).toContain(`curl -i ${url}/sessions `);
      expect(stdout()).toContain("open to every program on this machine");
      expect(await active()).toBe("200 0");
      expect(await login("t1", "u_42")).toBe('201 "ok"');
      expect(await login("t2", "u_43")).toBe('201 "ok"');
      expect(await whoami("t1")).toBe('200 "u_42"');
      expect(await active()).toBe("200 2");
      expect(await logout("t1")).toBe("204 ");
      expect(await whoami("t1")).toBe("404 ");
      expect(await logout("t1")).toBe("204 ");
      expect(await active()).toBe("200 1");
      expect(await whoami("t2")).toBe('200 "u_43"');
      expect(await stop()).toMatchObject({ code: 0, stderr: "" });
      expect(existsSync(join(cwd, "sojourn.db"))).toBe(store !== "memory:");
    });
  });
});

test("what was there is there again after a stop and a start", async () => {
  await inFolder(async (cwd) => {
    await withServer([], { cwd }, async ({ url, stop }) => {
      await httpClient(url).login("t1", "u_42");
      await httpClient(url).login("t2", "u_42");
      await httpClient(url).logout("t2");
      await stop();
    });
    await withServer([], { cwd }, async ({ url }) => {
      expect(await httpClient(url).whoami("t1")).toBe('200 "u_42"');
      expect(await httpClient(url).whoami("t2")).toBe("404 ");
      expect(await httpClient(url).active()).toBe("200 1");
    });
  });
});

test.each([["sqlite:./sojourn.db"], ["memory:"]])("--ttl 2s: it ends although it is read, on %s", async (store) => {
  await inFolder(async (cwd) => {
    await withServer(["--store", store, "--ttl", "2s"], { cwd }, async ({ url }) => {
      const { login, whoami, active } = httpClient(url);
      const start = performance.now();
      expect(await login("t1", "u_42")).toBe('201 "ok"');
      const late = performance.now() + 2_000;
      expect(await whoami("t1")).toBe('200 "u_42"');
      // A real process has a real clock. The session is read all the time, which must not extend it.
      let lastLive = 0;
      for (let asked = 0; asked < late + 3_000;) {
        asked = performance.now();
        if ((await whoami("t1")) === "404 ") break;
        lastLive = asked;
      }
      expect(lastLive).toBeLessThanOrEqual(late + 1);
      expect(performance.now() - start).toBeGreaterThanOrEqual(1_999);
      expect(await whoami("t1")).toBe("404 ");
      // Before the first round of the cleanup.
      expect(await active()).toBe("200 0");
    });
  });
});
