/** How the run finds its Redis server: package managers here are small scripts in a `PATH` of their own. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { findRedis } from "./support/find-redis.ts";
import { installRedis } from "./support/install-redis.ts";

/** A folder with programs in it, as the only one in the `PATH` besides the system's own for `sh` and `sleep`. */
function pathWith(programs: Readonly<Record<string, string>>): { readonly PATH: string } {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-path-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, script] of Object.entries(programs)) {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\nhere='${folder}'\n${script}\n`);
    chmodSync(path, 0o755);
  }
  return { PATH: folder };
}

const server = (version: string): string => `echo "Redis server v=${version} sha=0 malloc=libc bits=64"`;
/** Writes a server into the folder; the shell's own words suffice. */
const installs = `echo '#!/bin/sh' > $here/redis-server; /bin/chmod +x $here/redis-server`;

describe("a server that is there", () => {
  test.each(["redis-server", "valkey-server"])("is used: %s", async (name) => {
    const environment: NodeJS.ProcessEnv = pathWith({ [name]: server("8.1.0") });
    expect(await findRedis(environment)).toBeUndefined();
    expect(environment["SOJOURN_TEST_REDIS"]).toBe(join(environment["PATH"] ?? "", name));
  });

  test("is not used if it is older than 6.2, in one line", async () => {
    const environment: NodeJS.ProcessEnv = pathWith({ "redis-server": server("6.0.16") });
    expect(await findRedis(environment)).toMatch(
      /^Skipped: .* is not version 6\.2 or later, but 6\.0\.16\. To run .*$/,
    );
    expect(environment["SOJOURN_TEST_REDIS"]).toBe("");
  });

  test("that the environment names must be one", async () => {
    const { PATH } = pathWith({ "redis-server": server("7.0.0"), other: server("6.2.0"), old: server("5.0.7") });
    const named = async (name: string): Promise<string | undefined> =>
      findRedis({ PATH, SOJOURN_TEST_REDIS: join(PATH, name) });
    expect(await named("other")).toBeUndefined();
    await expect(named("old")).rejects.toThrow("5.0.7");
    await expect(named("none")).rejects.toThrow("ENOENT");
    expect(await findRedis({ PATH, SOJOURN_TEST_REDIS: "" })).toMatch(/^Skipped: .*SOJOURN_TEST_REDIS is empty/);
  });
});

describe("where there is none", () => {
  test("and nothing that installs one, a line says what is skipped, and how to get it", async () => {
    const environment: NodeJS.ProcessEnv = pathWith({});
    const line = await findRedis(environment);
    expect(line).toMatch(/^Skipped: every test that needs a Redis server; .*no package manager.*apt-get install.*$/);
    expect(environment["SOJOURN_TEST_REDIS"]).toBe("");
  });

  test("root installs it, after an update if it takes one", async () => {
    const apt = `[ "$1" = update ] && updated=1 > $here/updated; [ "$1" = install ] && [ -e $here/updated ] || exit 1; ${installs}`;
    const environment = pathWith({ "apt-get": `[ "$1" = --version ] && exit 0; ${apt}` });
    expect(await installRedis(environment, { isRoot: true })).toBeUndefined();
  });

  test("others install it with sudo, if that asks for no password", async () => {
    const programs = { apk: `[ "$1" = add ] || exit 0; [ "$SUDO" = 1 ] && { ${installs}; }` };
    const asks = pathWith({ ...programs, sudo: "exit 1" });
    expect(await installRedis(asks, { isRoot: false })).toMatch("apk needs a password");
    const asksNot = pathWith({
      ...programs,
      sudo: `[ "$1" = -n ] || exit 1; shift; [ "$1" = true ] || SUDO=1 exec "$@"`,
    });
    expect(await installRedis(asksNot, { isRoot: false })).toBeUndefined();
  });

  test("an installer that fails, or that never ends, is given up", async () => {
    const fails = pathWith({ dnf: `[ "$1" = --version ]` });
    expect(await installRedis(fails, { isRoot: true })).toMatch("dnf installed none");
    const hangs = pathWith({ brew: `[ "$1" = --version ] || exec /bin/sleep 60` });
    expect(await installRedis(hangs, { isRoot: false, limit: 500 })).toMatch("brew installed none");
  });
});
