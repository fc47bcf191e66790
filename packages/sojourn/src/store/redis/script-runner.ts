/** Runs scripts by the names that the server gives them, so that their text is sent only to a server that lacks it. */
import { StoreError } from "../../errors.ts";
import type { RedisPort } from "./redis-port.ts";

/** A script, and its name on every server: the SHA-1 of its text. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

/** Runs a script on the shard that a marker stands for. */
export type RunScript = (script: Script, marker: string, args: readonly string[]) => Promise<unknown>;

/** How many replicas must have a change before it is acknowledged, and how long that may take, in milliseconds. */
export interface WaitForReplicas {
  readonly replicas: number;
  readonly timeout: number;
}

export function scriptRunner(port: RedisPort): RunScript {
  return (script, marker, args) =>
    port.send(marker, ["EVALSHA", script.sha, "1", marker, ...args]).catch((error: unknown) => {
      const text = error instanceof Error ? error.message : "";
      // It has not run, so it can be sent again. The server keeps it from then on.
      if (text.startsWith("NOSCRIPT")) return port.send(marker, ["EVAL", script.text, "1", marker, ...args]);
      if (text.includes("READONLY")) port.searchMaster?.();
      throw error;
    });
}

/** Runs scripts, and then waits for replicas, over the same connection: a server counts from its last write. */
export function waitingRunner(run: RunScript, port: RedisPort, { replicas, timeout }: WaitForReplicas): RunScript {
  return async (script, marker, args) => {
    const reply = await run(script, marker, args);
    const count = await port.sendBeside(marker, ["WAIT", `${replicas}`, `${timeout}`]);
    if (Number(count) >= replicas) return reply;
    throw new StoreError(
      "store_timeout",
      `${String(count)} of ${replicas} replicas have confirmed the change within ${timeout} ms; it may stay`,
    );
  };
}
