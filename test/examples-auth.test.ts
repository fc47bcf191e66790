/** The examples of sojourn/auth run as a reader would run them, on memory and on SQLite, and print the same. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);

const printed: Readonly<Record<string, string>> = {
  "auth-crud.ts": `sess_
user-42
admin
192.168.1.1
seconds: 3600
admin
Session expired or invalid
Extended: true
Session updated: ip, lastActivity, lastLogin, page, role, userId
User has 1 active sessions
true false
7200 600 Lax
admin
moderator
ended: 1
removed: 0
sessions: 0
`,
  "auth-auto-refresh.ts": `minute 0: 60 minutes left
minute 54: 6 minutes left
minute 55: 5 minutes left
minute 56: 60 minutes left
minute 115: 60 minutes left
minute 175: ended
removed: 1
`,
  "auth-complete.ts": `login: 200 accessToken, sessionId
access token for: user-42
dashboard: 200 Welcome back, user-42!
logged in today: true
sessions: 1
with the id that is listed: 401
without a session: 401
logout: 200 Logged out
dashboard: 401 No active session
`,
  "auth-tokens.ts": `for user-42 until 2026-01-01T00:15:00.000Z
tabs: 64 successors: 1
ended: reuse
the old token: null
the new token: null
by its signature: true
by its session: { valid: false, reason: 'session-ended' }
published: EdDSA sig
`,
};

describe.each(["memory", "SQLite"])("on %s", (kind) => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sojourn-examples-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(Object.keys(printed))("%s", async (name) => {
    const example = fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
    const file = kind === "SQLite" ? [join(folder, `${name}.db`)] : [];
    const env = { ...process.env, JWT_SECRET: "q0kZyQ4uT2mV8rJx6bWc1nLh7dGf5sPa" };
    const { stdout, stderr } = await run(process.execPath, [example, ...file], { env });
    // What the examples are signed with is short, as in the page that they come from.
    const warned = readFileSync(example, "utf8").includes('jwtSecret: "my-secret"');
    expect(stderr).toMatch(warned ? /^[^\n]*SOJOURN_SHORT_SECRET[^\n]*\n[^\n]*--trace-warnings[^\n]*\n$/ : /^$/);
    expect(stdout).toBe(printed[name]);
  });
});
