/** Installs a Redis server with the system's package manager, without a question to anybody. */
import { spawn } from "node:child_process";
import { redisBinary } from "../../packages/sojourn/test/store/support/redis-binary.ts";

/** How a package manager installs a server: the first command that leaves one in the `PATH` is the last. */
interface Manager {
  readonly program: string;
  /** Whether it has to be run by root. */
  readonly root: boolean;
  readonly commands: readonly (readonly string[])[];
}

const APT = ["-y", "-o", "DPkg::Lock::Timeout=30"];
const MANAGERS: readonly Manager[] = [
  {
    program: "apt-get",
    root: true,
    commands: [
      ["install", ...APT, "--no-install-recommends", "redis-server"],
      ["update", ...APT],
      ["install", ...APT, "--no-install-recommends", "redis-server"],
    ],
  },
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

/** What keeps a package manager from asking, or from doing more than it was told. */
const QUIET = { DEBIAN_FRONTEND: "noninteractive", HOMEBREW_NO_AUTO_UPDATE: "1", NONINTERACTIVE: "1" };

/** How to try. */
export interface InstallOptions {
  /** How long all of it may take, in milliseconds. @default two minutes */
  readonly limit?: number;
  /** @default whether this process is root */
  readonly isRoot?: boolean;
}

/** Installs a server into the `PATH` of an environment. Returns why there is none, if there is none. */
export async function installRedis(
  environment: NodeJS.ProcessEnv,
  { limit = 120_000, isRoot = process.getuid?.() === 0 }: InstallOptions = {},
): Promise<string | undefined> {
  const end = performance.now() + limit;
  const run = async (command: readonly string[]): Promise<boolean> =>
    succeeds(command, { ...environment, ...QUIET }, end - performance.now());

  const missing = "there is no redis-server or valkey-server in the PATH";
  for (const { program, root, commands } of MANAGERS) {
    if (!(await run([program, "--version"]))) continue;
    if (root && !isRoot && !(await run(["sudo", "-n", "true"]))) {
      return `${missing}, and ${program} needs a password`;
    }
    for (const command of commands) {
      await run([...(root && !isRoot ? ["sudo", "-n"] : []), program, ...command]);
      if (redisBinary(environment) !== undefined) return undefined;
    }
    return `${missing}, and ${program} installed none`;
  }
  return `${missing}, and no package manager that could install one`;
}

/** Whether a command ends well within a time. One that does not end is told to, and left alone. */
async function succeeds(command: readonly string[], environment: NodeJS.ProcessEnv, limit: number): Promise<boolean> {
  const [program = "", ...args] = command;
  if (limit <= 0) return false;
  return new Promise((resolve) => {
    const child = spawn(program, args, { env: environment, stdio: "ignore" });
    const timer = setTimeout(() => {
      child.kill();
      child.unref();
      resolve(false);
    }, limit);
    const settle = (ended: boolean): void => {
      clearTimeout(timer);
      resolve(ended);
    };
    child.once("error", () => settle(false));
    child.once("exit", (code) => settle(code === 0));
  });
}
