/** The service on a real Postgres server: what one process knows, every other one knows. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { noPostgres } from "../../../sojourn/test/store/support/postgres-binary.ts";
import { startPostgres, type PostgresServer } from "../../../sojourn/test/store/support/postgres-server.ts";
import { httpClient } from "../support/http-client.ts";
import { inFolder, runCommand, withServer } from "../support/server-process.ts";

const PASSWORD = "correct-horse-battery-staple-42!";

describe.skipIf(noPostgres)("on Postgres", () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.ask(`ALTER ROLE postgres PASSWORD '${PASSWORD}'`);
  });
  afterAll(async () => postgres?.stop());

  const storeAt = (query = ""): readonly string[] => [
    "--store",
    `postgres://postgres:${encodeURIComponent(PASSWORD)}@127.0.0.1:${postgres.port}/postgres${query}`,
  ];

  test("tables that are not there are asked for, and made by a command", () =>
    inFolder(async (cwd) => {
      const refused = await runCommand(["serve", ...storeAt("?schema=later")], { cwd });
      expect(refused).toMatchObject({ code: 2 });
      expect(refused.stderr).toMatch(
        /no tables of sojourn in the schema "later".*run `sojourn migrate`, or say --migrate/,
      );
      expect(refused.stderr).not.toContain(PASSWORD);
      const made = await runCommand(["migrate", ...storeAt("?schema=later")], { cwd });
      expect(made).toMatchObject({ code: 0 });
      expect(made.stdout).toContain(`The tables in postgres://127.0.0.1:${postgres.port}/postgres, schema later, are`);
      await withServer(storeAt("?schema=later"), { cwd }, async (server) => {
        expect(await httpClient(server.url).active()).toBe("200 0");
      });
    }));

  test("who logs in at one server is known to the other, and unknown to it once the logout is answered", () =>
    inFolder((cwd) =>
      withServer([...storeAt(), "--migrate"], { cwd }, (first) =>
        withServer(storeAt(), { cwd }, async (second) => {
          const [one, other] = [httpClient(first.url), httpClient(second.url)];
          expect(first.stdout()).toContain(`Sessions are kept in postgres://127.0.0.1:${postgres.port}/postgres`);
          expect(first.stdout() + second.stdout()).not.toContain(PASSWORD);
          for (let round = 0; round < 2; round++) {
            expect(await one.login("t1", "u_42")).toBe('201 "ok"');
            // Twice, so that the second answer can come from a copy.
            for (const _ of [1, 2]) expect(await other.whoami("t1")).toBe('200 "u_42"');
            const asked = performance.now();
            expect(await one.logout("t1")).toBe("204 ");
            // Not before every copy is too old to be served, whether or not word of the logout has reached it.
            expect(performance.now() - asked).toBeGreaterThanOrEqual(200);
            expect(await other.whoami("t1")).toBe("404 ");
          }
          expect(await other.active()).toBe("200 0");
        }),
      ),
    ));

  test("namespaces keep two services in one database apart", () =>
    inFolder((cwd) =>
      withServer([...storeAt("?namespace=a"), "--migrate"], { cwd }, (first) =>
        withServer([...storeAt("?namespace=b"), "--migrate"], { cwd }, async (second) => {
          expect(await httpClient(first.url).login("t1", "u_42")).toBe('201 "ok"');
          expect(await httpClient(second.url).whoami("t1")).toBe("404 ");
        }),
      ),
    ));

  test("while Postgres is away every answer is a 503, and nobody is logged out by it", () =>
    inFolder((cwd) =>
      withServer([...storeAt("?namespace=away"), "--migrate", "--log-format", "json"], { cwd }, async (server) => {
        const client = httpClient(server.url);
        expect(await client.login("t1", "u_42")).toBe('201 "ok"');
        await postgres.kill();
        for (const answer of [await client.active(), await client.logout("t1"), await client.login("t2", "u_1")])
          expect(answer).toMatch(/^503 .*store/);
        expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
        expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
        await postgres.restart();
        await expect.poll(async () => client.whoami("t1"), { timeout: 20_000 }).toBe('200 "u_42"');
        expect(server.stdout()).not.toContain(PASSWORD);
      }),
    ));

  test.each([
    ["postgres://", "--store takes postgres://host:port/database"],
    ["postgres://127.0.0.1:1/x", "nothing listens there|could not be reached|cannot connect"],
    ["postgres://user:secret-word@127.0.0.1:1/x?schema=Bad", "Expected `schema` to be a name"],
  ])("%s is refused in one line", async (store, message) => {
    await inFolder(async (cwd) => {
      const refused = await runCommand(["serve", "--store", store], { cwd });
      expect(refused).toMatchObject({ code: 2 });
      expect(refused.stderr).toMatch(new RegExp(message));
      expect(refused.stderr).not.toContain("secret-word");
      expect(refused.stderr.trim().split("\n").length).toBe(1);
    });
  });
});
