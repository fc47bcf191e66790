/** The built library and the service, unchanged, in Node, Bun, Deno and workerd. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startWorkerd } from "../cloudflare/support/workerd.ts";
import { binaryOf } from "./support/binary-of.ts";
import { roundTrip, type Report } from "./support/suite.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const support = fileURLToPath(new URL("support/", import.meta.url));
const run = promisify(execFile);

const SUFFIX = process.platform === "win32" ? ".exe" : "";
const commands: Readonly<Record<string, readonly [binary: string | undefined, ...given: string[]]>> = {
  node: [process.execPath],
  bun: [binaryOf("bun", `bin/bun${SUFFIX}`), "run"],
  deno: [
    binaryOf("deno", `deno${SUFFIX}`),
    "run",
    "--no-remote",
    "--cached-only",
    "--no-lock",
    "--node-modules-dir=manual",
    "--allow-read",
    "--allow-write",
    "--allow-env",
    "--allow-sys",
    "--allow-net=127.0.0.1",
  ],
};

/** A folder in which the packages are installed as they are published, and no setting of this repository holds. */
let folder: string;

beforeAll(() => {
  for (const name of ["sojourn", "server"]) {
    const built = join(root, "packages", name, "dist/index.js");
    if (!existsSync(built)) throw new Error(`${built} is not there: run \`npm run build\` first`);
  }
  folder = mkdtempSync(join(tmpdir(), "sojourn-runtimes-"));
  const dependencies = ["sojourn", "sojourn-server", "@hono/node-server", "hono"];
  mkdirSync(join(folder, "node_modules/@hono"), { recursive: true });
  for (const name of dependencies) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  const manifest = {
    type: "module",
    private: true,
    dependencies: Object.fromEntries(dependencies.map((name) => [name, "*"])),
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  for (const file of ["suite.ts", "main.ts", "worker.ts"]) {
    writeFileSync(join(folder, file), readFileSync(join(support, file)));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ANSWERS = [
  expect.stringMatching(/^401 \{"error":/),
  '201 "ok"',
  '200 "u_42"',
  "200 1",
  "204",
  "404",
  "200 0",
  expect.stringMatching(/^400 \{"error":/),
];

const ENDS = ["logout", "logout", "watch logout"];

/** How many cases of the contract a store must have passed, so that none was left out unseen. */
const CASES: Readonly<Record<string, number>> = { memory: 90, "node:sqlite": 90, "bun:sqlite": 90 };

function expectAllPassed(contracts: Report["contracts"]): void {
  for (const [name, { passed, failures }] of Object.entries(contracts)) {
    expect(failures, name).toEqual([]);
    expect(passed, name).toBeGreaterThan(CASES[name] ?? 10);
  }
}

describe.each(Object.entries(commands))("%s", (runtime, [binary, ...given]) => {
  const skipped = binary === undefined ? " (skipped: there is none for this platform)" : "";

  test.skipIf(binary === undefined)(`keeps the store contract, and serves over HTTP${skipped}`, async () => {
    const { stdout } = await run(binary ?? "", [...given, "main.ts"], {
      cwd: folder,
      env: {
        PATH: process.env["PATH"],
        HOME: folder,
        TMPDIR: folder,
        DENO_DIR: join(folder, ".deno"),
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
        DO_NOT_TRACK: "1",
      },
    });
    const report = JSON.parse(stdout) as Report;
    expect(report.runtime).toBe(runtime);
    expect(report.answers).toEqual(ANSWERS);
    expect(report.ends).toEqual(ENDS);
    expectAllPassed(report.contracts);
    const sqlite =
      runtime === "bun" ? ["bun:sqlite"] : ["node:sqlite", "node:sqlite, a file", "node:sqlite, grouped commits"];
    expect(Object.keys(report.contracts)).toEqual(expect.arrayContaining(["memory", ...sqlite]));
  });
});

test("workerd keeps the store contract, and serves over HTTP", async () => {
  const bundle = await rolldown({
    input: join(folder, "worker.ts"),
    external: /^(node|cloudflare):/,
    platform: "neutral",
    resolve: { conditionNames: ["workerd", "import"] },
  });
  const { output } = await bundle.generate({ format: "esm", codeSplitting: false });
  await bundle.close();
  const workerd = startWorkerd([{ name: "runtimes", script: output[0].code }], join(folder, "workerd"));
  try {
    expect(await roundTrip(async (path, init) => workerd.fetch(path, init))).toEqual(ANSWERS);
    expect(JSON.parse(await workerd.ask("/ends"))).toEqual(ENDS);
    expectAllPassed(JSON.parse(await workerd.ask("/contracts")) as Report["contracts"]);
  } finally {
    await workerd.stop();
  }
});
