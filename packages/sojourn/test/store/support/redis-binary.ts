/** Which program the tests start as a Redis server. */
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Names another binary, such as `valkey-server`; empty for none. */
export const REDIS_VARIABLE = "SOJOURN_TEST_REDIS";

const NAMES = ["redis-server", "valkey-server"];

/**
 * The server's program: what `SOJOURN_TEST_REDIS` names, else `redis-server` or `valkey-server` in the `PATH`.
 * `undefined` where there is none: suites that need one are skipped, and the run has said so.
 */
export function redisBinary(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = environment[REDIS_VARIABLE];
  if (named !== undefined) return named === "" ? undefined : named;
  const folders = (environment["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(isProgram);
}

/** Whether there is no server to test against. */
export const noRedis: boolean = redisBinary() === undefined;

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
