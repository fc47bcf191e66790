/** Which browser the tests start. */
import { findProgram } from "../../support/find-program.ts";

/** Names another one, such as Chrome or Edge; empty for none. */
export const CHROMIUM_VARIABLE = "SOJOURN_TEST_CHROMIUM";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/**
 * The browser's program: what `SOJOURN_TEST_CHROMIUM` names, else a Chromium or Chrome in the `PATH`. `undefined` where
 * there is none: tests that need one are skipped, and the run has said so.
 */
export function chromiumBinary(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return findProgram(environment, CHROMIUM_VARIABLE, NAMES);
}

/** Whether there is no browser to test with. */
export const noChromium: boolean = chromiumBinary() === undefined;
