/** Before the first test: a Redis server is found, or installed where that may be done, or the run says what it skips. */
import { execFileSync } from "node:child_process";
import { redisBinary, REDIS_VARIABLE } from "../../packages/sojourn/test/store/support/redis-binary.ts";
import { installRedis } from "./install-redis.ts";

const OLDEST = "6.2";

/** Vitest calls this once, before any worker starts; the workers have the environment that it leaves. */
export async function setup(): Promise<void> {
  const skipped = await findRedis(process.env);
  if (skipped !== undefined) process.stdout.write(`${skipped}\n`);
}

/**
 * Writes the server's program into the environment, empty for none. Returns a line to print if suites are skipped.
 *
 * @throws Error if the environment names a program that is not a server of 6.2 or later
 */
export async function findRedis(environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  const named = environment[REDIS_VARIABLE];
  if (named === "") return lineFor(`${REDIS_VARIABLE} is empty`);
  const found = redisBinary(environment);
  const reason = found === undefined ? await installRedis(environment) : tooOld(found);
  if (named !== undefined && reason !== undefined) throw new Error(`${REDIS_VARIABLE}: ${reason}`);
  environment[REDIS_VARIABLE] = reason === undefined ? (redisBinary(environment) ?? "") : "";
  return reason && lineFor(reason);
}

/** What is wrong with a program, if something is. */
function tooOld(binary: string): string | undefined {
  try {
    const printed = execFileSync(binary, ["--version"], { encoding: "utf8", timeout: 10_000 });
    const [, version, major, minor] = /\bv=((\d+)\.(\d+)\S*)/.exec(printed) ?? [];
    if (Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 2)) return undefined;
    return `${binary} is not version ${OLDEST} or later, but ${version ?? "something else"}`;
  } catch (error) {
    return `${binary} does not run (${(error as NodeJS.ErrnoException).code ?? "it failed"})`;
  }
}

function lineFor(reason: string): string {
  const how = `apt-get install redis-server, apk add redis, dnf install valkey, brew install redis`;
  return `Skipped: every test that needs a Redis server; ${reason}. To run them: ${how}, or ${REDIS_VARIABLE}=/path/to/redis-server (or valkey-server).`;
}
