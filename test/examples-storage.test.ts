/** The examples of sojourn/kv run as a reader would run them, on memory and on SQLite, and print the same. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "sojourn-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["memory", []],
  ["SQLite", [join(folder, "sessions.db")]],
])("storage-sessions.ts on %s", async (_, given) => {
  const example = fileURLToPath(new URL("../examples/storage-sessions.ts", import.meta.url));
  const { stdout, stderr } = await run(process.execPath, [example, ...given]);
  expect(stderr).toBe("");
  expect(stdout).toBe(`login: logged_in
login, remember me: logged_in
short: 200 {"message":"Hello, ann@example.org!","roles":["admin"]}
short, a day later: 401 Session expired or invalid
long, a day later: 200 {"message":"Hello, ann@example.org!","roles":["admin"]}
sessions: 1 the first ends: 2026-01-31T00:00:00.000Z
long, logged out: 401 Session expired or invalid
`);
});
