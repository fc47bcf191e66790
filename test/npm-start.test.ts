/** `npm start`, twice at the same time in one folder that was never built: both serve. */
import { spawn } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The repository as it is after `npm ci`, in a folder of its own. */
function freshClone(): string {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-start-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ["package.json", "tsconfig.base.json", "tools"]) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  for (const name of ["sojourn", "server"]) {
    mkdirSync(join(folder, "packages", name), { recursive: true });
    for (const part of ["package.json", "tsconfig.json", "src"]) {
      cpSync(join(root, "packages", name, part), join(folder, "packages", name, part), { recursive: true });
    }
  }
  link(join(root, "node_modules"), join(folder, "node_modules"), ["sojourn", "sojourn-server"]);
  symlinkSync("../packages/sojourn", join(folder, "node_modules/sojourn"));
  symlinkSync(join(root, "packages/server/node_modules"), join(folder, "packages/server/node_modules"));
  return folder;
}

function link(from: string, to: string, except: readonly string[]): void {
  mkdirSync(to);
  for (const name of readdirSync(from)) if (!except.includes(name)) symlinkSync(join(from, name), join(to, name));
}

/** Starts the service, and says where it listens. @throws Error with all that it printed if it ends instead */
async function npmStart(cwd: string): Promise<string> {
  const child = spawn("npm", ["start", "--", "--port", "0", "--store", "memory:"], { cwd, detached: true });
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  onTestFinished(async () => {
    // npm and what it has started are a group of their own.
    if (child.exitCode === null) process.kill(-(child.pid as number), "SIGKILL");
    await ended;
  });
  return new Promise((resolve, reject) => {
    let printed = "";
    const listen = (text: string): void => {
      printed += text;
      const found = /^sojourn listens on (\S+)$/m.exec(printed)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout.setEncoding("utf8").on("data", listen);
    child.stderr.setEncoding("utf8").on("data", listen);
    void ended.then(() => reject(new Error(`npm start ended:\n${printed}`)));
  });
}

/** The files that a process has loaded, each with what tells whether it was written again. */
function built(folder: string): readonly string[] {
  const files = globSync("packages/*/dist/**/*.js", { cwd: folder }).toSorted();
  expect(files.length).toBeGreaterThan(100);
  return files.map((file) => {
    const { ino, mtimeMs } = statSync(join(folder, file));
    return `${file} ${ino} ${mtimeMs}`;
  });
}

test("both serve, and neither writes what the other has loaded", { timeout: 180_000 }, async () => {
  const folder = freshClone();
  const first = npmStart(folder);
  const second = npmStart(folder);
  const url = await Promise.any([first, second]);
  const loaded = built(folder);
  // The other one may be about to build, and a third does now that all is built: nothing changes under the first.
  const urls = [url, await first, await second, await npmStart(folder)];
  expect(built(folder)).toEqual(loaded);
  for (const served of urls) expect((await fetch(`${served}/sessions`)).status).toBe(200);
});
