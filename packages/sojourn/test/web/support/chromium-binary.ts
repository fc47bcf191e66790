/** Which browser the tests start. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Names another one, such as Chrome or Edge; empty for none. */
export const CHROMIUM_VARIABLE = "SOJOURN_TEST_CHROMIUM";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/**
 * The browser's program: what `SOJOURN_TEST_CHROMIUM` names, else a Chromium or Chrome in the `PATH`. `undefined` where
 * there is none: tests that need one are skipped, and the run has said so.
 */
export function chromiumBinary(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = environment[CHROMIUM_VARIABLE];
  if (named !== undefined) return named === "" ? undefined : named;
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/** Whether there is no browser to test with. */
export const noChromium: boolean = chromiumBinary() === undefined;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
