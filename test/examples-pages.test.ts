/** The programs of the pages that our interfaces come from, as those print them. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const run = promisify(execFile);

const printed: Readonly<Record<string, { readonly stdout: string; readonly warning?: string }>> = {
  "layeron-session-storage.ts": {
    warning: "SOJOURN_KV_FORGETS",
    stdout: `logged_in false
logged_in true
200 {"message":"Hello, ann@example.org!","roles":["admin"]}
401 Unauthorized
401 Session expired or invalid
200 {"loggedOut":true}
401 Session expired or invalid
200 {"message":"Hello, ann@example.org!","roles":["admin"]}
`,
  },
  "kyrin-session-management.ts": {
    warning: "SOJOURN_SHORT_SECRET",
    stdout: `sess_
user-42
admin
192.168.1.1
true
id userId data createdAt expiresAt lastAccessedAt
Session expired or invalid
New expiry: true
Session updated: /dashboard
User has 1 active sessions
true false
7200 600 session_id true Lax
admin
moderator
0 0
3 sess_
Welcome back, user-42! true
No active session
Logged out
No active session
`,
  },
  "humanspeak-session-storage.ts": {
    stdout: `ada [ 'read' ]
undefined
Session created grace${" "}
Session created grace${" "}
Session expired grace${" "}
undefined
Session destroyed grace delete
`,
  },
};

test.each(Object.entries(printed))("%s", async (name, { stdout, warning }) => {
  const example = fileURLToPath(new URL(`../examples/pages/${name}`, import.meta.url));
  const env = { ...process.env, JWT_SECRET: "q0kZyQ4uT2mV8rJx6bWc1nLh7dGf5sPa" };
  const ran = await run(process.execPath, [example], { env });
  expect(ran.stdout).toBe(stdout);
  // One warning where the page's program asks for it, and nothing else.
  expect(ran.stderr.match(/\[[A-Z_]+\] SojournWarning|Warning|Error/g) ?? []).toEqual(
    warning === undefined ? [] : [`[${warning}] SojournWarning`],
  );
});
