/** `/verify` of the real command, and a login that another process has made on the same file. */
import { join } from "node:path";
import { createSessions } from "sojourn";
import { cookieSessions } from "sojourn/cookies";
import { sqliteStore } from "sojourn/sqlite";
import { expect, test } from "vitest";
import { inFolder, runCommand, withServer } from "../support/server-process.ts";
import { cookieIn } from "../support/verify-bench.ts";

const OLD = "an old key of tests that has 32 bytes or more";
const NEW = "the new key of tests that has 32 bytes or more";
const HEADERS = { "x-forwarded-method": "GET" };

test("a login elsewhere is known, by either key, and without the API key", async () => {
  await inFolder(async (cwd) => {
    const env = { SOJOURN_API_KEY: "correct-horse-battery-staple-42!", SOJOURN_COOKIE_KEYS: `${NEW}, ${OLD}` };
    const args = ["--store", "sqlite:./s.db", "--cookie-name", "__Host-app", "--verify-fields", "role"];
    await withServer(args, { cwd, env }, async ({ url, stop }) => {
      const store = sqliteStore({ path: join(cwd, "s.db") });
      const web = cookieSessions({ sessions: createSessions({ store }), keys: [OLD], cookie: { name: "__Host-app" } });
      const session = web.start({ headers: {} });
      session.login("u_42", { role: "admin" });
      const headers = new Headers();
      session.commit(headers);
      store.close();
      const cookie = cookieIn(headers);
      const response = await fetch(`${url}/verify`, { headers: { ...HEADERS, cookie } });
      expect([response.status, response.headers.get("x-sojourn-user")]).toEqual([200, "u_42"]);
      expect(response.headers.get("x-sojourn-data-role")).toBe("admin");
      // Signed anew, with the new key.
      expect(response.headers.getSetCookie()[0]).toMatch(/^__Host-app=sess_/);
      expect((await fetch(`${url}/verify`, { headers: HEADERS })).status).toBe(401);
      const { stdout, stderr } = await stop();
      expect(stdout + stderr).not.toContain(OLD);
    });
  });
});

test.each([
  ["a key that is too short", { SOJOURN_COOKIE_KEYS: "sh0rt-s3cret" }, /--cookie-keys, .*at least 32 bytes/],
  ["no key", { SOJOURN_COOKIE_KEYS: "" }, /--cookie-keys/],
  ["a name that no cookie has", { SOJOURN_COOKIE_KEYS: NEW, SOJOURN_COOKIE_NAME: "a b" }, /--cookie-name/],
  ["fields without keys", { SOJOURN_VERIFY_FIELDS: "role" }, /needs SOJOURN_COOKIE_KEYS/],
  [
    "a field that no header can have",
    { SOJOURN_COOKIE_KEYS: NEW, SOJOURN_VERIFY_FIELDS: "a b" },
    /--verify-fields takes/,
  ],
] as const)("%s is refused in one line", async (_, env, expected) => {
  await inFolder(async (cwd) => {
    const { code, stderr } = await runCommand(["serve", "--store", "memory:", "--port", "0"], { cwd, env });
    expect(code).toBe(2);
    expect(stderr).toMatch(expected);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).not.toMatch(/sh0rt|new key/);
  });
});
