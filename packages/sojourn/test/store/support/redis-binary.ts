/** Which program the tests start as a Redis server. */
import { findProgram } from "../../support/find-program.ts";

/** Names another binary, such as `valkey-server`; empty for none. */
export const REDIS_VARIABLE = "SOJOURN_TEST_REDIS";

const NAMES = ["redis-server", "valkey-server"];

/**
 * The server's program: what `SOJOURN_TEST_REDIS` names, else `redis-server` or `valkey-server` in the `PATH`.
 * `undefined` where there is none: suites that need one are skipped, and the run has said so.
 */
export function redisBinary(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return findProgram(environment, REDIS_VARIABLE, NAMES);
}

/** Whether there is no server to test against. */
export const noRedis: boolean = redisBinary() === undefined;
