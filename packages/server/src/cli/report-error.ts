/** Whatever is wrong with a command: one line on standard error, and an exit code. */
import { CommanderError } from "commander";

/** What somebody who runs a command has to change: its message is the one line that they see. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The exit code of a command that could not be followed. */
const USAGE = 2;

/** Says what is wrong, unless commander has said it. @throws the error itself if it is a fault of ours */
export function reportError(error: unknown): void {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : USAGE;
  } else if (error instanceof UsageError) {
    process.stderr.write(oneLine(`error: ${error.message}`));
    process.exitCode = USAGE;
  } else {
    throw error;
  }
}

/** Commander adds a suggestion on a second line, and quotes an unknown option with its value, which may be a key. */
export function oneLine(text: string): string {
  const line = text.trim().replaceAll(/\s*\n\s*/g, " ");
  return `${line.replace(/^error: /, "sojourn: ").replaceAll(/'(--?[\w-]+)=[^']*'/g, "'$1'")}\n`;
}
