/** Runs scripts by the names that the server gives them, so that their text is sent only to a server that lacks it. */
import type { RedisPort } from "./redis-port.ts";

/** A script, and its name on every server: the SHA-1 of its text. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/** Runs a script on the shard that a marker stands for. */
export type RunScript = (script: Script, marker: string, args: readonly string[]) => Promise<unknown>;

export function scriptRunner(port: RedisPort): RunScript {
  return (script, marker, args) =>
    port.send(marker, ["EVALSHA", script.sha, "1", marker, ...args]).catch((error: unknown) => {
      // It has not run, so it can be sent again. The server keeps it from then on.
      if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
        return port.send(marker, ["EVAL", script.text, "1", marker, ...args]);
      }
      throw error;
    });
}
