import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { inFolder, withServer } from "../support/server-process.ts";

const SCRIPT = fileURLToPath(new URL("../../../../examples/service-curl.sh", import.meta.url));
const KEY = "correct-horse-battery-staple-42!";
const missing = spawnSync("curl", ["--version"]).status !== 0;

test.skipIf(missing).each([
  ["without a key", {}],
  ["with a key", { SOJOURN_API_KEY: KEY }],
])(`examples/service-curl.sh, %s${missing ? " (skipped: there is no curl)" : ""}`, async (_, env) => {
  await inFolder(async (cwd) => {
    await withServer(["--store", "memory:"], { cwd, env }, async ({ url }) => {
      const run = promisify(execFile)(SCRIPT, [url], { env: { PATH: process.env["PATH"], ...env } });
      const { stdout, stderr } = await run;
      expect(stderr).toBe("");
      const answers = [...stdout.matchAll(/^ {2}(.*?) *$/gm)].map(([, answer]) => answer);
      expect(answers).toEqual([
        '201 "ok"',
        '200 "u_42"',
        "200 1",
        "204",
        "204",
        "404",
        "200 0",
        expect.stringMatching(/^400 \{"error":/),
        expect.stringMatching(/^400 \{"error":/),
        expect.stringMatching(/^405 \{"error":/),
      ]);
    });
  });
});

test.skipIf(missing)("examples/service-curl.sh fails where no service is", async () => {
  const { status, stderr } = spawnSync(SCRIPT, ["http://127.0.0.1:1"], { encoding: "utf8" });
  expect([status, stderr]).toEqual([7, expect.stringContaining("curl")]);
});
