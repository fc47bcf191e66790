/** The programs of the web run as a reader would run them, over real sockets, with a cookie jar. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { CookieJar } from "tough-cookie";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noRedis } from "../packages/sojourn/test/store/support/redis-binary.ts";
import { startRedis, type RedisServer } from "../packages/sojourn/test/store/support/redis-server.ts";
import { example, runExample } from "./support/run-example.ts";

const programs = ["hono", "express", "fastify", "node-http"] as const;
interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A browser: cookies do not tell ports apart, so it can ask two servers. */
function browser(jar: CookieJar = new CookieJar()) {
  return async (method: string, url: string): Promise<Answer> => {
    const response = await fetch(url, { method, headers: { cookie: await jar.getCookieString(url) } });
    for (const line of response.headers.getSetCookie()) await jar.setCookie(line, url);
    return { status: response.status, body: await response.json() };
  };
}

const known = { status: 200, body: { user_id: "42" } };
const unknown = { status: 401, body: { error: "not logged in" } };

describe.each(programs)("%s.ts", (name) => {
  test("login, profile, logout", async () => {
    const origin = await runExample(`web/${name}.ts`);
    const jar = new CookieJar();
    const ask = browser(jar);
    expect(await ask("GET", `${origin}/profile`)).toEqual(unknown);
    expect(await jar.getCookies(origin)).toEqual([]);
    expect(await ask("POST", `${origin}/login`)).toEqual({ status: 200, body: { logged_in: true } });
    const [cookie] = await jar.getCookies(origin);
    expect(cookie).toMatchObject({ key: "nyx_session", httpOnly: true, sameSite: "lax", path: "/" });
    expect(cookie?.maxAge).toBe(3_600);
    expect(await ask("GET", `${origin}/profile`)).toEqual(known);
    expect(await browser()("GET", `${origin}/profile`)).toEqual(unknown);
    expect(await ask("POST", `${origin}/logout`)).toEqual({ status: 200, body: { logged_out: true } });
    expect(await jar.getCookies(origin)).toEqual([]);
    expect(await ask("GET", `${origin}/profile`)).toEqual(unknown);
    // Who kept the cookie is not let in either.
    const replayed = await fetch(`${origin}/profile`, { headers: { cookie: cookie?.cookieString() ?? "" } });
    expect(replayed.status).toBe(401);
  });
});

describe.skipIf(noRedis)("behind one Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => redis.stop());

  test.each([
    ["hono", "express", undefined],
    ["express", "express", "1"],
    ["fastify", "node-http", "1"],
  ])("two processes, %s and %s, near cache: %s", async (first, second, cached) => {
    const environment = { REDIS_URL: redis.url, ...(cached && { NEAR_CACHE: cached }) };
    const [one, other] = await Promise.all([
      runExample(`web/${first}.ts`, environment),
      runExample(`web/${second}.ts`, environment),
    ]);
    const jar = new CookieJar();
    const ask = browser(jar);
    await ask("POST", `${one}/login`);
    const cookie = await jar.getCookieString(one);
    expect(await ask("GET", `${other}/profile`)).toEqual(known);
    expect(await ask("GET", `${one}/profile`)).toEqual(known);
    await ask("POST", `${one}/logout`);
    for (const origin of [other, one]) {
      expect(await ask("GET", `${origin}/profile`)).toEqual(unknown);
      expect((await fetch(`${origin}/profile`, { headers: { cookie } })).status).toBe(401);
    }
  });

  test("redis-two-workers.ts", async () => {
    const run = promisify(execFile);
    const { stdout, stderr } = await run(process.execPath, [example("redis-two-workers.ts"), redis.url]);
    expect(stderr).toBe("");
    expect(stdout).toBe(`worker 2, /profile: nobody
worker 1, /login: ann
worker 2, /profile: ann
worker 1, /profile: ann
worker 2, /logout: nobody
worker 1, /profile: nobody
worker 2, /profile: nobody
`);
  });
});
