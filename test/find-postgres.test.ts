/** How the run finds its Postgres server: the programs here are small scripts. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { findPostgres } from "./support/find-postgres.ts";

/** A folder with a `postgres` of some version in it, and an `initdb` beside it. */
function serverOf(version: string, programs: readonly string[] = ["postgres", "initdb"]): string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-path-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of programs) {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "postgres (PostgreSQL) ${version} (Debian ${version}-0)"\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

test("a server in the PATH is used", async () => {
  const folder = serverOf("17.2");
  const environment: NodeJS.ProcessEnv = { PATH: folder };
  expect(await findPostgres(environment)).toBeUndefined();
  expect(environment["SOJOURN_TEST_POSTGRES"]).toBe(join(folder, "postgres"));
});

test("one that is older than 14 is not, in one line", async () => {
  const environment: NodeJS.ProcessEnv = { PATH: serverOf("13.4") };
  expect(await findPostgres(environment)).toMatch(/^Skipped: .* is not version 14 or later, but 13\.4\. To run .*$/);
  expect(environment["SOJOURN_TEST_POSTGRES"]).toBe("");
});

test("one that the environment names must be one, with its initdb", async () => {
  const named = async (folder: string): Promise<string | undefined> =>
    findPostgres({ PATH: serverOf("17.2"), SOJOURN_TEST_POSTGRES: join(folder, "postgres") });
  expect(await named(serverOf("16.1"))).toBeUndefined();
  await expect(named(serverOf("12.0"))).rejects.toThrow("12.0");
  await expect(named(serverOf("16.1", ["initdb"]))).rejects.toThrow("ENOENT");
  await expect(named(serverOf("16.1", ["postgres"]))).rejects.toThrow("initdb");
  expect(await findPostgres({ SOJOURN_TEST_POSTGRES: "" })).toMatch(/^Skipped: .*SOJOURN_TEST_POSTGRES is empty/);
});
