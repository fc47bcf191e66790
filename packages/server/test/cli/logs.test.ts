/** A whole run, with requests of every kind: nothing secret is in what it prints. */
import { expect, test } from "vitest";
import { httpClient } from "../support/http-client.ts";
import { sendRaw } from "../support/raw-socket.ts";
import { inFolder, withServer } from "../support/server-process.ts";

const KEY = "correct-horse-battery-staple-42!";
const TOKEN = "t0ken-aaaa-bbbb";
const USER = "us3r-cccc";

test.each(["json", "text"])("no token, user or key, in %s at the most talkative level", async (format) => {
  await inFolder(async (cwd) => {
    const args = ["--log-level", "debug", "--log-format", format];
    await withServer(args, { cwd, env: { SOJOURN_API_KEY: KEY } }, async ({ url, stop }) => {
      const authorization = `Bearer ${KEY}`;
      const { login, whoami, logout, active } = httpClient(url, { authorization });
      const send = async (path: string, init: RequestInit = {}): Promise<number> =>
        (await fetch(url + path, { ...init, headers: { authorization, "content-type": "application/json" } })).status;
      expect(await login(TOKEN, USER)).toBe('201 "ok"');
      expect(await whoami(TOKEN)).toBe(`200 "${USER}"`);
      expect(await active()).toBe("200 1");
      expect(await logout(TOKEN)).toBe("204 ");
      expect(await whoami(TOKEN)).toBe("404 ");
      expect(await httpClient(url).whoami(TOKEN)).toMatch(/^401/);
      expect(await httpClient(url, { authorization: `${authorization}x` }).whoami(TOKEN)).toMatch(/^401/);
      expect(await login(TOKEN + "\0", USER)).toMatch(/^400/);
      expect(await login(TOKEN, `${USER}\ud800`)).toMatch(/^400/);
      expect(await send(`/sessions/${TOKEN}?${TOKEN}`)).toBe(400);
      expect(await send(`/sessions/${TOKEN}/`)).toBe(404);
      expect(await send(`/${TOKEN}`)).toBe(404);
      expect(await send(`/sessions/${TOKEN}%zz`)).toBe(400);
      expect(await send(`/sessions/${TOKEN}`, { method: "DELETE" })).toBe(405);
      expect(await send("/sessions", { method: "POST", body: `{"token":"${TOKEN}"` })).toBe(400);
      expect(await send("/sessions", { method: "POST", body: TOKEN.repeat(2_000) })).toBe(413);
      expect((await sendRaw(url, `${TOKEN} ${USER} ${KEY}\r\n\r\n`)).status).toBe(400);
      expect(
        (await sendRaw(url, `GET /sessions/${TOKEN} HTTP/1.1\r\nAuthorization: Bearer ${KEY}\r\nbad\r\n\r\n`)).status,
      ).toBe(400);
      expect(
        (await sendRaw(url, `GET /sessions/${TOKEN} HTTP/1.1\r\nHost: ${TOKEN} x\r\nConnection: close\r\n\r\n`)).status,
      ).toBe(400);
      expect((await sendRaw(url, `GET /sessions/${TOKEN}é HTTP/1.1\r\nHost: localhost\r\n\r\n`)).status).toBe(400);
      expect((await sendRaw(url, `GET /${TOKEN} HTTP/1.1\r\nX: ${KEY.repeat(1_000)}\r\n\r\n`)).status).toBe(431);
      const { stdout, stderr, code } = await stop();
      expect([code, stderr]).toEqual([0, ""]);
      for (const secret of [TOKEN, USER, KEY]) {
        expect(stdout).not.toContain(secret);
        // As a Buffer looks in JSON.
        expect(stdout).not.toContain(Buffer.from(secret).join(","));
      }
      const lines = stdout.split("\n").filter((line) => / request |"request"/.test(line));
      expect(lines.length).toBeGreaterThanOrEqual(16);
      expect(lines.join("\n")).toMatch(/sessions\/:token\/logout"?[ ,]"?status"?[=:]204/);
    });
  });
});

test("nothing is logged unless it is asked for", async () => {
  await inFolder(async (cwd) => {
    await withServer(["--store", "memory:"], { cwd }, async ({ url, stop }) => {
      await httpClient(url).login(TOKEN, USER);
      await httpClient(url).whoami("");
      await sendRaw(url, "garbage\r\n\r\n");
      const { stdout, stderr } = await stop();
      expect([stdout.trimEnd().split("\n").length, stderr]).toEqual([4, ""]);
    });
  });
});

test("whoever reads the output may go away", async () => {
  await inFolder(async (cwd) => {
    await withServer(["--store", "memory:", "--log-level", "info"], { cwd }, async ({ url, child, stop }) => {
      child.stdout?.destroy();
      for (let index = 0; index < 20; index++) expect(await httpClient(url).active()).toBe("200 0");
      expect((await stop()).code).toBe(0);
    });
  });
});
