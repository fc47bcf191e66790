/** Before the first test: a Chromium is found, or installed where that may be done, or the run says what it skips. */
import { chromiumBinary, CHROMIUM_VARIABLE } from "../../packages/sojourn/test/web/support/chromium-binary.ts";
import { apt, installProgram, type InstallOptions } from "./install-program.ts";

/** Vitest calls this once, before any worker starts; the workers have the environment that it leaves. */
export async function setup(): Promise<void> {
  const skipped = await findChromium(process.env);
  if (skipped !== undefined) process.stdout.write(`${skipped}\n`);
}

const CHROMIUM = {
  missing: "there is no chromium in the PATH",
  managers: [
    apt("chromium"),
    { program: "apk", root: true, commands: [["add", "--no-cache", "chromium"]] },
    { program: "dnf", root: true, commands: [["install", "-y", "chromium"]] },
  ],
  isThere: (environment: NodeJS.ProcessEnv) => chromiumBinary(environment) !== undefined,
};

/** Writes the browser's program into the environment, empty for none. Returns a line to print if tests are skipped. */
export async function findChromium(
  environment: NodeJS.ProcessEnv,
  options?: InstallOptions,
): Promise<string | undefined> {
  const named = environment[CHROMIUM_VARIABLE];
  if (named === "") return lineFor(`${CHROMIUM_VARIABLE} is empty`);
  const reason =
    chromiumBinary(environment) === undefined ? await installProgram(CHROMIUM, environment, options) : undefined;
  environment[CHROMIUM_VARIABLE] = chromiumBinary(environment) ?? "";
  return reason && lineFor(reason);
}

function lineFor(reason: string): string {
  return `Skipped: every test that needs a browser; ${reason}. To run them: apt-get install chromium, apk add chromium, dnf install chromium, or ${CHROMIUM_VARIABLE}=/path/to/chromium (or Chrome, or Edge).`;
}
