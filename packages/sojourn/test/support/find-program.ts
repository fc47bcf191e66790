/** Where a program is that some tests need. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/**
 * What the variable names, else the first of some names in the `PATH`. `undefined` if the variable is empty, or there is
 * none.
 */
export function findProgram(
  environment: NodeJS.ProcessEnv,
  variable: string,
  names: readonly string[],
): string | undefined {
  const named = environment[variable];
  if (named !== undefined) return named === "" ? undefined : named;
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
