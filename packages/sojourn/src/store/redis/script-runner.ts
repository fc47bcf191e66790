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

/**
 * Runs scripts, and then waits for replicas, over the same connection: a server counts from the last write on it. Where the
 * connection has changed meanwhile, it is another one's replicas that are counted, and they may not have the change.
 */
export function waitingRunner(run: RunScript, port: RedisPort, { replicas, timeout }: WaitForReplicas): RunScript {
  return async (script, marker, args) => {
    const before = port.sendBeside(marker, ["CLIENT", "INFO"]);
    before.catch(() => {});
    const reply = await run(script, marker, args);
    const [count, after] = await Promise.all([
      port.sendBeside(marker, ["WAIT", `${replicas}`, `${timeout}`]),
      port.sendBeside(marker, ["CLIENT", "INFO"]),
    ]);
    if (connectionOf(await before) !== connectionOf(after)) {
      throw new StoreError(
        "store_timeout",
        "The connection changed before a replica had confirmed the change; it may stay",
      );
    }
    if (Number(count) >= replicas) return reply;
    throw new StoreError(
      "store_timeout",
      `${String(count)} of ${replicas} replicas have confirmed the change within ${timeout} ms; it may stay`,
    );
  };
}

/** What no other connection has in common with this one: its number, and both of its ends. */
function connectionOf(info: unknown): string | undefined {
  return /^id=\d+ addr=\S+ laddr=\S+/.exec(String(info))?.[0];
}
