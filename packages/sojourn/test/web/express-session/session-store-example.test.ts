/** The example runs as a reader would run it, and prints what it says. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

test("express-session-app.ts", async () => {
  const path = fileURLToPath(new URL("../../../../../examples/express-session-app.ts", import.meta.url));
  const { stdout, stderr } = await run(process.execPath, [path]);
  expect(stderr).toBe("");
  expect(stdout).toBe(`welcome, ann
the profile of ann
goodbye
the report is ready
please log in
bob's sessions that have ended: 2
sessions: 0
`);
});
