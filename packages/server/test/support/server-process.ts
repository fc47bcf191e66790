/** The real command, in a process of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** A process that has ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to start the command. */
export interface RunOptions {
  /** The folder that it runs in. */
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that has said where it listens. */
export interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  /** Sends a signal, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<Ended>;
  readonly ended: Promise<Ended>;
}

/** Runs `sojourn` with arguments until it ends. */
export async function runCommand(args: readonly string[], options: RunOptions): Promise<Ended> {
  return start(args, options).ended;
}

/** Runs `sojourn serve` on a free port. @throws Error with all that it printed if it ends instead of listening */
export async function startServer(args: readonly string[], options: RunOptions): Promise<ServerProcess> {
  const { child, output, ended } = start(["serve", "--port", "0", ...args], options);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", () => {
      const found = /^sojourn listens on (\S+)$/m.exec(output.stdout)?.[1];
      // The last line of the greeting, so that none of it is missing.
      if (found !== undefined && /^(?:It is open|Every request).*\n/m.test(output.stdout)) resolve(found);
    });
    ended.then(
      ({ code, signal, stdout, stderr }) =>
        reject(new Error(`The server ended instead of listening (${code ?? signal}):\n${stdout}${stderr}`)),
      reject,
    );
  });
  return {
    url,
    child,
    ended,
    stdout: () => output.stdout,
    stop: async (signal = "SIGTERM") => {
      child.kill(signal);
      return ended;
    },
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  readonly ended: Promise<Ended>;
}

function start(args: readonly string[], { cwd, env = {} }: RunOptions): Started {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is not there: run \`npm run build\` first`);
  // Nothing of this machine's own settings, but what it takes to find a program.
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env: { PATH: process.env["PATH"], ...env } });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...output }));
  });
  return { child, output, ended };
}

/** Gives an empty folder to what is called, and removes it afterwards. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "sojourn-"));
  try {
    return await run(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Gives a running server to what is called, and kills it afterwards if it still runs. */
export async function withServer<T>(
  args: readonly string[],
  options: RunOptions,
  run: (server: ServerProcess) => Promise<T>,
): Promise<T> {
  const server = await startServer(args, options);
  try {
    return await run(server);
  } finally {
    server.child.kill("SIGKILL");
    await server.ended;
  }
}
