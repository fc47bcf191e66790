/** The service on a real Redis server: what one process knows, every other one knows. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noRedis } from "../../../sojourn/test/store/support/redis-binary.ts";
import { startRedis, type RedisServer } from "../../../sojourn/test/store/support/redis-server.ts";
import { httpClient } from "../support/http-client.ts";
import { inFolder, runCommand, withServer } from "../support/server-process.ts";

const PASSWORD = "correct-horse-battery-staple-42!";

describe.skipIf(noRedis)("on Redis", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis({ args: ["--requirepass", PASSWORD] });
  });
  afterAll(() => redis.stop());

  const storeAt = (query = ""): readonly string[] => [
    "--store",
    `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redis.port}${query}`,
  ];

  test("who logs in at one server is known to the other, and unknown to it once the logout is answered", () =>
    inFolder((cwd) =>
      withServer(storeAt(), { cwd }, (first) =>
        withServer(storeAt(), { cwd }, async (second) => {
          const [one, other] = [httpClient(first.url), httpClient(second.url)];
          expect(first.stdout()).toContain(`Sessions are kept in redis://127.0.0.1:${redis.port}`);
          expect(first.stdout() + second.stdout()).not.toContain(PASSWORD);
          for (let round = 0; round < 3; round++) {
            expect(await one.login("t1", "u_42")).toBe('201 "ok"');
            // Twice, so that the second answer can come from a copy.
            for (const _ of [1, 2]) expect(await other.whoami("t1")).toBe('200 "u_42"');
            const asked = performance.now();
            expect(await one.logout("t1")).toBe("204 ");
            // Not before every copy is too old to be served, whether or not word of the logout has reached it.
            expect(performance.now() - asked).toBeGreaterThanOrEqual(200);
            expect(await other.whoami("t1")).toBe("404 ");
            // The repeat of a logout, which may be sent while the first is on its way, waits as long.
            const repeated = performance.now();
            expect(await other.logout("t1")).toBe("204 ");
            expect(performance.now() - repeated).toBeGreaterThanOrEqual(200);
          }
          expect(await other.active()).toBe("200 0");
        }),
      ),
    ));

  test("prefixes keep two services on one server apart", () =>
    inFolder((cwd) =>
      withServer(storeAt("?prefix=a"), { cwd }, (first) =>
        withServer(storeAt("/0?prefix=b&shards=4"), { cwd }, async (second) => {
          const [one, other] = [httpClient(first.url), httpClient(second.url)];
          expect(await one.login("t1", "u_42")).toBe('201 "ok"');
          expect(await other.whoami("t1")).toBe("404 ");
          expect(await other.active()).toBe("200 0");
        }),
      ),
    ));

  test("a Redis that may drop sessions is refused, unless a flag allows it", async () => {
    const own = await startRedis({ args: ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"] });
    try {
      await inFolder(async (cwd) => {
        const refused = await runCommand(["serve", "--store", own.url], { cwd });
        expect(refused).toMatchObject({ code: 2 });
        expect(refused.stderr).toMatch(/may drop live sessions.*noeviction.*--allow-eviction/);
        await withServer(["--store", own.url, "--allow-eviction"], { cwd }, async (server) => {
          expect(await httpClient(server.url).login("t1", "u_42")).toBe('201 "ok"');
        });
      });
    } finally {
      await own.stop();
    }
  });

  test("while Redis is away every answer is a 503, and nobody is logged out by it", async () => {
    const own = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
    try {
      await inFolder((cwd) =>
        withServer(["--store", own.url, "--log-format", "json"], { cwd }, async (server) => {
          const client = httpClient(server.url);
          expect(await client.login("t1", "u_42")).toBe('201 "ok"');
          await own.kill();
          for (const answer of [await client.active(), await client.logout("t1"), await client.login("t2", "u_1")])
            expect(answer).toMatch(/^503 .*store/);
          expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
          expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
          // A copy may answer for as long as `maxStale` after the link was last proven, never "unknown".
          expect(await client.whoami("t1")).toMatch(/^(503 |200 "u_42")/);
          await own.restart();
          let answer = "";
          for (const end = Date.now() + 10_000; Date.now() < end && !answer.startsWith("200");)
            answer = await client.whoami("t1");
          expect(answer).toBe('200 "u_42"');
        }),
      );
    } finally {
      await own.stop();
    }
  });

  test.each([
    ["a wrong password", () => ["--store", `redis://:${PASSWORD}x@127.0.0.1:${redis.port}`], /WRONGPASS/],
    ["no password", () => ["--store", `redis://127.0.0.1:${redis.port}`], /NOAUTH/],
  ])("%s is one line that does not hold it, and exit code 2", (_, args, expected) =>
    inFolder(async (cwd) => {
      const { code, stderr, stdout } = await runCommand(["serve", "--port", "0", ...args()], { cwd });
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(expected);
      expect(stderr).toMatch(/^[^\n]+\n$/);
      expect(stderr).not.toContain(PASSWORD);
    }),
  );

  test("rediss:// speaks TLS, and trusts no certificate that it was not told of", () =>
    inFolder(async (cwd) => {
      const [key, certificate] = [join(cwd, "key.pem"), join(cwd, "certificate.pem")];
      const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"];
      const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
      execFileSync("openssl", [...made, ...names, "-keyout", key, "-out", certificate], { stdio: "ignore" });
      const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-auth-clients", "no"];
      const secure = await startRedis();
      await secure.stop();
      const port = secure.port;
      const tls = await startRedis({ args: ["--tls-port", `${port}`, ...files] });
      try {
        const args = ["--store", `rediss://127.0.0.1:${port}`];
        const { code, stderr } = await runCommand(["serve", "--port", "0", ...args], { cwd });
        expect(code).toBe(2);
        expect(stderr).toMatch(/certificate|CERT/);
        await withServer(args, { cwd, env: { NODE_EXTRA_CA_CERTS: certificate } }, async (server) => {
          const client = httpClient(server.url);
          expect(await client.login("t1", "u_42")).toBe('201 "ok"');
          expect(await client.whoami("t1")).toBe('200 "u_42"');
        });
      } finally {
        await tls.stop();
      }
    }));
});
