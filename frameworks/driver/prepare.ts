/** What the apps are built on: what npm installs by the lock file, and our two packages as they would be published. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./command.ts";
import { frameworks, root } from "./paths.ts";

const modules = join(frameworks, "node_modules");
/** Written when an installation is complete: what it was made of. */
const stamp = join(modules, ".installed");

/** Installs what the lock file says, unless that is there, and unpacks `sojourn` and `sojourn-server` beside it. */
export async function prepare(): Promise<void> {
  const wanted = createHash("sha256")
    .update(readFileSync(join(frameworks, "package-lock.json")))
    .digest("hex");
  if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) {
    process.stdout.write("Installing what the apps need\n");
    await runCommand(["npm", "ci", "--no-audit"], { cwd: frameworks });
    writeFileSync(stamp, wanted);
  }
  for (const [folder, name] of [
    ["sojourn", "sojourn"],
    ["server", "sojourn-server"],
  ] as const) {
    await unpack(join(root, "packages", folder), join(modules, name));
  }
  await runCommand(["tsc", "-p", "support"], { cwd: frameworks });
}

/** Packs a package, and puts what it holds where npm would install it. */
async function unpack(source: string, target: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-pack-"));
  try {
    const printed = await runCommand(["npm", "pack", "--json", "--pack-destination", folder], { cwd: source });
    const [{ filename }] = JSON.parse(printed.slice(printed.indexOf("["))) as [{ filename: string }];
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    await runCommand(["tar", "-xzf", join(folder, filename), "-C", target, "--strip-components=1"], { cwd: folder });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
