/** The examples run as a reader would run them, and print what they say. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);
const example = (name: string): string => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));

test("sessions-in-memory.ts", async () => {
  const { stdout, stderr } = await run(process.execPath, [example("sessions-in-memory.ts")]);
  expect(stderr).toBe("");
  expect(stdout).toBe(`logged in as ann
visits: 2
same session: true new token: true
still live: true
ann's session ended: evicted
ann's sessions: 2
ann's session ended: revoked
live: 1
ann's session ended: expired-idle
live: 0 reclaimed: 1
`);
});
