/**
 * Builds the site of the documentation into `site/.vitepress/dist`: `npm run docs` in the root. Fails on a link that leads
 * nowhere, a diagram that cannot be drawn, and a page that would ask another host for anything.
 *
 * With `dev` it serves the site instead, and shows each change of a document at once: `npm run docs:dev`.
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, statSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkSite } from "./check.ts";
import { writeListsForModels } from "./llms.ts";
import { clearPages, writePages } from "./pages.ts";
import { writeReference } from "./reference.ts";

const site = fileURLToPath(new URL(".", import.meta.url));
const root = join(site, "..");
const run = (name: string, ...args: string[]): void =>
  void execFileSync(process.execPath, [join(site, "node_modules", name), ...args], { cwd: site, stdio: "inherit" });

installWhatIsLocked();
clearPages();
writePages();
writeReference();
if (process.argv[2] === "dev") {
  for (const folder of ["docs", "site"])
    watch(join(root, folder), { recursive: folder === "docs" }, () => writePages());
  spawn(process.execPath, [join(site, "node_modules/vitepress/bin/vitepress.js"), "dev"], {
    cwd: site,
    stdio: "inherit",
  });
} else {
  run("typescript/bin/tsc", "-p", ".");
  run("vitepress/bin/vitepress.js", "build");
  const dist = join(site, ".vitepress/dist");
  writeListsForModels(dist);
  checkSite(dist);
}

/** The site's tools are in a lock file of their own, so that those who do not build it need not install them. */
function installWhatIsLocked(): void {
  const lock = readFileSync(join(site, "package-lock.json"), "utf8");
  const installed = join(site, "node_modules", ".installed");
  if (existsSync(installed) && statSync(installed).isFile() && readFileSync(installed, "utf8") === lock) return;
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit"], { cwd: site, stdio: "inherit" });
  writeFileSync(installed, lock);
}
