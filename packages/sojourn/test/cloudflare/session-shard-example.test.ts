/** The Worker in `examples/worker`, as `wrangler` bundles it for an upload, in the real workerd. */
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startWorkerd, temporaryFolder, type Workerd } from "./support/workerd.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const KEY = "correct-horse-battery-staple-42!";
const run = promisify(execFile);
const noCurl = spawnSync("curl", ["--version"]).status !== 0;

const { folder, remove } = temporaryFolder();
let script: string;
let workerd: Workerd;

beforeAll(async () => {
  const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");
  const config = join(root, "examples/worker/wrangler.jsonc");
  const out = join(folder, "bundle");
  // No account, no network, no questions.
  const env = {
    PATH: process.env["PATH"],
    HOME: folder,
    CI: "1",
    WRANGLER_SEND_METRICS: "false",
    NO_UPDATE_NOTIFIER: "1",
  };
  await run(process.execPath, [wrangler, "deploy", "--dry-run", "--outdir", out, "--config", config], {
    cwd: folder,
    env: { ...env, WRANGLER_LOG_PATH: folder },
  });
  script = readFileSync(join(out, "worker.js"), "utf8");
  workerd = startWorkerd(
    [
      {
        name: "example",
        script,
        durableObjects: { SESSIONS: { className: "SessionShard", useSQLite: true } },
        kvNamespaces: ["STORAGE"],
        bindings: { SOJOURN_API_KEY: KEY },
      },
    ],
    join(folder, "state"),
  );
});
afterAll(async () => {
  await workerd.stop();
  remove();
});

test("the bundle is small", () => {
  // Not minified. Half of it is zod, with which the service checks what its API is sent.
  expect(gzipSync(script).length).toBeLessThan(130 * 1_024);
});

test.skipIf(noCurl)(`the service's curl session${noCurl ? " (skipped: there is no curl)" : ""}`, async () => {
  const { stdout, stderr } = await run(join(root, "examples/service-curl.sh"), [await workerd.url()], {
    env: { PATH: process.env["PATH"], SOJOURN_API_KEY: KEY },
  });
  expect(stderr).toBe("");
  expect([...stdout.matchAll(/^ {2}(.*?) *$/gm)].map(([, answer]) => answer)).toEqual([
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

describe("the service", () => {
  test("answers nobody without the key", async () => {
    expect((await workerd.fetch("/sessions")).status).toBe(401);
    expect((await workerd.fetch("/sessions", { headers: { authorization: `Bearer ${KEY.slice(1)}x` } })).status).toBe(
      401,
    );
    expect((await workerd.fetch("/sessions", { headers: { authorization: `Bearer ${KEY}` } })).status).toBe(200);
  });

  test("keeps its sessions when the Worker is deployed anew", async () => {
    const headers = { authorization: `Bearer ${KEY}`, "content-type": "application/json" };
    const body = JSON.stringify({ token: "kept", user: "u_7" });
    expect((await workerd.fetch("/sessions", { method: "POST", headers, body })).status).toBe(201);
    for (let shard = 0; shard < 8; shard++) await workerd.evict("example", "SessionShard", `default/${shard}`);
    expect(await (await workerd.fetch("/sessions/kept", { headers })).text()).toBe('"u_7"');
    expect(await (await workerd.fetch("/sessions", { headers })).text()).toBe("1");
  });
});

test("login, profile and logout on Cloudflare KV", async () => {
  const body = JSON.stringify({ email: "ann@example.org", rememberMe: true });
  const login = await workerd.fetch("/api/auth/login", { method: "POST", body });
  const { token } = (await login.json()) as { token: string };
  const headers = { authorization: `Bearer ${token}` };
  const profile = await workerd.fetch("/api/profile", { headers });
  expect(await profile.json()).toEqual({ message: "Hello, ann@example.org!", roles: ["admin"] });
  const logout = await workerd.fetch("/api/auth/logout", { method: "POST", headers });
  expect(await logout.json()).toEqual({ loggedOut: true });
  expect((await workerd.fetch("/api/profile", { headers })).status).toBe(401);
  expect((await workerd.fetch("/api/profile")).status).toBe(401);
});
