/** Programs of other runtimes, which come as packages. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../../..", import.meta.url));

/** The binary that one of a package's optional dependencies, one for each platform, has brought. */
export function binaryOf(name: string, file: string): string | undefined {
  const require = createRequire(join(root, "package.json"));
  const { optionalDependencies } = JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")) as {
    optionalDependencies: Readonly<Record<string, string>>;
  };
  for (const platform of Object.keys(optionalDependencies)) {
    try {
      const binary = join(dirname(require.resolve(`${platform}/package.json`)), file);
      execFileSync(binary, ["--version"], { stdio: "ignore", env: { DENO_NO_UPDATE_CHECK: "1" } });
      return binary;
    } catch {
      // Not installed, or for another C library.
    }
  }
  return undefined;
}
