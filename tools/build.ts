/**
 * Builds the packages, unless what is there was built of the very same sources.
 *
 * Two builds in one folder wait for each other, and what the first has built the second leaves alone. A file is put in
 * its place whole, so that a process that loads it at that moment reads the old one or the new one.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";

/** In their order: the server is built against what the library's build has made. */
const PACKAGES = ["sojourn", "server"] as const;
/** For how long a build waits for another one, in milliseconds. */
const LONGEST_WAIT = 600_000;

const root = fileURLToPath(new URL("..", import.meta.url));
const work = join(root, ".build");
const stamp = join(work, "stamp");

mkdirSync(work, { recursive: true });
// A lock of SQLite's ends with the process that holds it, however that ends.
const lock = new DatabaseSync(join(work, "lock.db"));
lock.exec(`PRAGMA busy_timeout = ${LONGEST_WAIT}; BEGIN EXCLUSIVE`);
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== state()) build();
lock.close();

function build(): void {
  rmSync(stamp, { force: true });
  for (const name of PACKAGES) {
    const made = join(work, name);
    rmSync(made, { recursive: true, force: true });
    const tsc = join(root, "node_modules/.bin/tsc");
    const { status } = spawnSync(tsc, ["-p", join(root, "packages", name), "--outDir", made], { stdio: "inherit" });
    if (status !== 0) process.exit(status ?? 1);
    putInPlace(made, join(root, "packages", name, "dist"));
  }
  writeFileSync(stamp, state());
}

/** Moves what was made to where it belongs, and removes what belongs there no more. */
function putInPlace(made: string, place: string): void {
  const files = filesIn(made);
  for (const file of filesIn(place)) if (!files.includes(file)) rmSync(join(place, file));
  for (const file of files) {
    mkdirSync(dirname(join(place, file)), { recursive: true });
    // npm makes the command executable when it is installed.
    if (existsSync(join(place, file))) chmodSync(join(made, file), statSync(join(place, file)).mode);
    renameSync(join(made, file), join(place, file));
  }
}

/** A digest of all that is built from, and of what was built. */
function state(): string {
  const paths = [
    "tsconfig.base.json",
    "node_modules/typescript/package.json",
    ...PACKAGES.flatMap((name) =>
      ["package.json", "tsconfig.json", ...under(name, "src"), ...under(name, "dist")].map(
        (path) => `packages/${name}/${path}`,
      ),
    ),
  ];
  const hash = createHash("sha256");
  for (const path of paths)
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update("\0");
  return hash.digest("hex");
}

function under(name: string, folder: string): readonly string[] {
  return filesIn(join(root, "packages", name, folder)).map((file) => `${folder}/${file}`);
}

function filesIn(folder: string): readonly string[] {
  return globSync("**/*.*", { cwd: folder }).toSorted();
}
