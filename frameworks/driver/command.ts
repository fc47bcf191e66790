/** Commands, with the programs that the apps' packages bring in the `PATH`. */
import { spawn } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { frameworks } from "./paths.ts";

/** How to run a command. */
export interface CommandOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The environment of a command: this one, with the programs of a folder's packages in the `PATH`, before them those of
 * `first`.
 */
export function environmentOf(cwd: string, first: readonly string[] = []): NodeJS.ProcessEnv {
  const bins = [cwd, frameworks].map((folder) => join(folder, "node_modules/.bin"));
  return { ...process.env, PATH: [...first, ...bins, process.env["PATH"]].join(delimiter) };
}

/** Runs a command to its end. Resolves with what it wrote to its standard output. @throws Error with all it printed */
export async function runCommand(command: readonly string[], { cwd, env }: CommandOptions): Promise<string> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    cwd,
    // On this very Node: the apps' packages bring others, to be driven on.
    env: { ...environmentOf(cwd, [dirname(process.execPath)]), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [output, all] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => ((output += text), (all += text)));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (all += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) throw new Error(`\`${command.join(" ")}\` ended with ${code}:\n${all.slice(-8_000)}`);
  return output;
}
