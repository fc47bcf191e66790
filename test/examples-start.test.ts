/** The page that begins with nothing and ends with a deployed app: its program and its commands, as a reader has them. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = readFileSync(join(root, "docs/start.md"), "utf8");
const blocks = [...page.matchAll(/^```(\w+)(?: \[([^\n]+)\])?\n(.*?)^```$/gms)];
const fileOf = (name: string): string => blocks.find(([, , file]) => file === name)?.[3] ?? "";
/** The commands of each block that asks the app something. */
const visits = blocks
  .filter(([, language, , code]) => language === "sh" && code?.includes("curl "))
  .map(([, , , code = ""]) => code.split("\n").filter((line) => line !== ""));

/** A project of its own, with what the page installs. */
function project(): string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-first-app-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const installed = /^npm install (.*)$/m.exec(page)?.[1]?.split(" ") ?? [];
  expect(installed).toHaveLength(3);
  mkdirSync(join(folder, "node_modules", "@hono"), { recursive: true });
  for (const name of installed) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "server.ts"), fileOf("server.ts"));
  return folder;
}

async function start(folder: string, env: NodeJS.ProcessEnv): Promise<{ child: ChildProcess; origin: string }> {
  const inherited = { PATH: process.env["PATH"] };
  const child = spawn(process.execPath, ["server.ts"], {
    cwd: folder,
    env: { ...inherited, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let printed = "";
  child.stderr.on("data", (text) => (printed += String(text)));
  for await (const line of createInterface(child.stdout)) if (line.startsWith("http")) return { child, origin: line };
  throw new Error(`The app ended:\n${printed}`);
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

test("its commands print what it says, also after the process was killed", async () => {
  const folder = project();
  expect(visits).toHaveLength(2);
  for (const [index, lines] of visits.entries()) {
    const { child, origin } = await start(folder, {});
    for (const line of lines) {
      const [command = "", expected] = line.split(" # ");
      const printed = execFileSync("sh", ["-c", command.replace("http://localhost:3000", origin)], {
        cwd: folder,
        encoding: "utf8",
      });
      expect(printed, `${index}: ${line}`).toContain(expected ?? "");
    }
    await kill(child);
  }
});

test("as it is deployed: a strict cookie, sessions in a file of the user's own, and logout elsewhere", async () => {
  const folder = project();
  const environment = [...fileOf("app.service").matchAll(/^Environment=(\w+)=(.*)$/gm)];
  const deployed = Object.fromEntries(environment.map(([, name = "", value]) => [name, value]));
  expect(deployed).toMatchObject({ NODE_ENV: "production", SESSIONS_FILE: "/var/lib/app/sessions.db" });
  const env = { ...deployed, SESSIONS_FILE: join(folder, "sessions.db") };
  await expect(start(folder, env)).rejects.toThrow("Expected SESSION_KEY");

  const { origin, child } = await start(folder, { ...env, SESSION_KEY: "5n0t3tFh7o8vZ1m2q4r6s8t0u2w4y6A8" });
  const login = async (): Promise<string> => {
    const body = new URLSearchParams({ name: "ann", password: "correct horse" });
    const { headers } = await fetch(`${origin}/login`, { method: "POST", body, redirect: "manual" });
    return headers.getSetCookie()[0] ?? "";
  };
  const [here, elsewhere] = [await login(), await login()];
  expect(here).toMatch(/^__Host-session=[^;]+; Max-Age=\d+; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
  expect(statSync(join(folder, "sessions.db")).mode & 0o077).toBe(0);

  const cookie = here.split(";")[0] ?? "";
  await fetch(`${origin}/logout-others`, { method: "POST", headers: { cookie }, redirect: "manual" });
  expect(await (await fetch(origin, { headers: { cookie } })).text()).toContain("Hello, ann");
  expect(await (await fetch(origin, { headers: { cookie: elsewhere.split(";")[0] ?? "" } })).text()).toContain(
    "Log in",
  );
  for (const [name, password] of [
    ["", ""],
    ["ann", ""],
    ["bob", ""],
    ["__proto__", ""],
  ] as const) {
    const body = new URLSearchParams({ name, password });
    expect((await fetch(`${origin}/login`, { method: "POST", body, redirect: "manual" })).status, name).toBe(401);
  }
  // The proxy alone is asked from other machines.
  await expect(fetch(origin.replace("localhost", "127.0.0.2"))).rejects.toThrow("fetch failed");
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([0, null]);
});
