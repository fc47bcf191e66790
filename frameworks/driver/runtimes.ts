/** What apps run on: this repository's Node, other Nodes, and Bun. */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { frameworks, root } from "./paths.ts";

/** As `app.json` names them. `workerd` runs what `startOn` says. */
export type RuntimeName = "node24" | "node20" | "node22" | "bun" | "workerd";

type OtherProgram = Exclude<RuntimeName, "node24" | "workerd">;

/** A program that runs. */
export interface Runtime {
  readonly name: RuntimeName;
  readonly program: string;
}

/** This very Node. */
export const node24: Runtime = { name: "node24", program: process.execPath };

const platform = `${process.platform}-${process.arch}`;
const SUFFIX = process.platform === "win32" ? ".exe" : "";

/** Where others are: in a package of the apps, or of the repository. */
const PACKAGES: Readonly<Record<OtherProgram, readonly [from: string, packages: readonly string[], file: string]>> = {
  node20: [frameworks, [`node-20-${platform}`], "bin/node"],
  node22: [frameworks, [`node-22-${platform}`], "bin/node"],
  bun: [root, [`@oven/bun-${platform}`, `@oven/bun-${platform}-baseline`], `bin/bun${SUFFIX}`],
};

/** A runtime by its name; `undefined` where it is not installed, or does not run. */
export function findRuntime(name: RuntimeName): Runtime | undefined {
  // An app starts workerd by a command of its own.
  if (name === "node24" || name === "workerd") return { ...node24, name };
  const [from, packages, file] = PACKAGES[name];
  const require = createRequire(join(from, "package.json"));
  for (const candidate of packages) {
    try {
      const program = join(dirname(require.resolve(`${candidate}/package.json`)), file);
      execFileSync(program, ["--version"], { stdio: "ignore" });
      return { name, program };
    } catch {
      // Not there, or built for another C library.
    }
  }
  return undefined;
}
