/** Installs a Redis server. */
import { redisBinary } from "../../packages/sojourn/test/store/support/redis-binary.ts";
import { apt, installProgram, type InstallOptions, type Manager } from "./install-program.ts";

const MANAGERS: readonly Manager[] = [
  apt("redis-server"),
  {
    program: "apk",
    root: true,
    commands: [
      ["add", "--no-cache", "redis"],
      ["add", "--no-cache", "valkey"],
    ],
  },
  {
    program: "dnf",
    root: true,
    commands: [
      ["install", "-y", "valkey"],
      ["install", "-y", "redis"],
    ],
  },
  { program: "brew", root: false, commands: [["install", "redis"]] },
];

/** Installs a server into the `PATH` of an environment. Returns why there is none, if there is none. */
export async function installRedis(
  environment: NodeJS.ProcessEnv,
  options?: InstallOptions,
): Promise<string | undefined> {
  const missing = "there is no redis-server or valkey-server in the PATH";
  const isThere = (): boolean => redisBinary(environment) !== undefined;
  return installProgram({ missing, managers: MANAGERS, isThere }, environment, options);
}
