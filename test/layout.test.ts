/**
 * Tests lie where their sources lie: `src/a/b.ts` is tested in `test/a/b.test.ts` or `test/a/b-<aspect>.test.ts`.
 *
 * Some tests are about a folder as a whole, such as logout, in which six files of `sessions` take part. These have names
 * of their own, which are listed here, so that a name that is neither a file's nor listed is found.
 */
import { existsSync, globSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const packages = fileURLToPath(new URL("../packages", import.meta.url));

/** Folders of tests without a folder of sources, and why. */
const ACROSS: Readonly<Record<string, string>> = {
  "sojourn/linearizability": "histories of concurrent calls on every store, checked against one order",
  "sojourn/runtimes": "the packed library in Node, Bun, Deno and workerd",
};

/** Tests of what the files of a folder do together. */
const WHOLE: Readonly<Record<string, readonly string[]>> = {
  "sojourn/cache": ["inlining"],
  "sojourn/sessions": ["by-user", "events", "lifetime", "logout", "manager", "races", "step-up"],
  "sojourn/sessions/ends": ["interleavings", "lost", "processes", "signals"],
  "sojourn/store": ["contract", "contract-bugs", "model", "race"],
  "sojourn/store/near-cache": ["contract", "loads", "postgres", "race", "redis", "sessions", "staleness", "writes"],
  "sojourn/store/postgres": ["contract", "crash", "failover", "faults", "model", "neon", "pooler", "race"],
  "sojourn/store/redis": [
    "cluster",
    "contract",
    "count-once",
    "failover",
    "faults",
    "layout",
    "model",
    "race",
    "sentinel",
    "servers",
    "wire",
  ],
  "sojourn/store/sqlite": ["contract", "faults", "processes"],
  "server/cli": ["crash", "example", "logout", "logs", "newcomer"],
};

const files = globSync("*/test/**/*.ts", { cwd: packages })
  .map((file) => file.replaceAll("\\", "/").replace("/test/", "/"))
  .filter((file) => !file.includes("/support/"));
const folders = [...new Set(files.map(dirname))].toSorted();
const sourceFolder = (folder: string): string => {
  const [name = "", ...path] = folder.split("/");
  return join(packages, name, "src", ...path);
};

describe("a folder of tests has a folder of sources", () => {
  test.each(folders.filter((folder) => !(folder in ACROSS)))("%s", (folder) => {
    expect(existsSync(sourceFolder(folder))).toBe(true);
  });

  test("but for those that are about several folders", () => {
    expect(folders).toEqual(expect.arrayContaining(Object.keys(ACROSS)));
    for (const folder of Object.keys(ACROSS)) expect(existsSync(sourceFolder(folder)), folder).toBe(false);
  });
});

test("what is not a test is in a folder support/", () => {
  const within = files.filter((file) => !(dirname(file) in ACROSS));
  expect(within.filter((file) => !file.endsWith(".test.ts"))).toEqual([]);
});

describe("a test is named after a file or a folder that lies there, or after what is listed", () => {
  const tests = files.filter((file) => file.endsWith(".test.ts") && !(dirname(file) in ACROSS));

  test.each(tests)("%s", (file) => {
    const name = basename(file, ".test.ts");
    const folder = dirname(file);
    const sources = readdirSync(sourceFolder(folder)).map((source) => basename(source, ".ts"));
    const named = sources.some((source) => name === source || name.startsWith(`${source}-`));
    expect(named || (WHOLE[folder]?.includes(name) ?? false)).toBe(true);
  });

  test("nothing is listed that is not there", () => {
    const listed = Object.entries(WHOLE).flatMap(([folder, names]) => names.map((name) => `${folder}/${name}.test.ts`));
    expect(listed.filter((file) => !tests.includes(file))).toEqual([]);
  });
});
