/** Installs a program with the system's package manager, without a question to anybody. */
import { spawn } from "node:child_process";

/** What to install, and where it is found afterwards. */
export interface Program {
  /** Why a run without it is not whole. */
  readonly missing: string;
  readonly managers: readonly Manager[];
  /** Whether it is there now. */
  readonly isThere: (environment: NodeJS.ProcessEnv) => boolean;
}

/** How a package manager installs it: the first command that leaves it there is the last. */
export interface Manager {
  readonly program: string;
  /** Whether it has to be run by root. */
  readonly root: boolean;
  readonly commands: readonly (readonly string[])[];
}

const APT = ["-y", "-o", "DPkg::Lock::Timeout=30"];

/** By apt: as the lists are, and again with new ones. */
export function apt(name: string): Manager {
  const install = ["install", ...APT, "--no-install-recommends", name];
  return { program: "apt-get", root: true, commands: [install, ["update", ...APT], install] };
}

/** What keeps a package manager from asking, or from doing more than it was told. */
const QUIET = { DEBIAN_FRONTEND: "noninteractive", HOMEBREW_NO_AUTO_UPDATE: "1", NONINTERACTIVE: "1" };

/** How to try. */
export interface InstallOptions {
  /** How long all of it may take, in milliseconds. @default two minutes */
  readonly limit?: number;
  /** @default whether this process is root */
  readonly isRoot?: boolean;
}

/** Installs a program. Returns why it is not there, if it is not. */
export async function installProgram(
  { missing, managers, isThere }: Program,
  environment: NodeJS.ProcessEnv,
  { limit = 120_000, isRoot = process.getuid?.() === 0 }: InstallOptions = {},
): Promise<string | undefined> {
  const end = performance.now() + limit;
  const run = async (command: readonly string[]): Promise<boolean> =>
    succeeds(command, { ...environment, ...QUIET }, end - performance.now());

  for (const { program, root, commands } of managers) {
    if (!(await run([program, "--version"]))) continue;
    if (root && !isRoot && !(await run(["sudo", "-n", "true"]))) {
      return `${missing}, and ${program} needs a password`;
    }
    for (const command of commands) {
      await run([...(root && !isRoot ? ["sudo", "-n"] : []), program, ...command]);
      if (isThere(environment)) return undefined;
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
