/** What the clock of a server shows now, so that a change can say until when it may be made. */
import { StoreError } from "../../errors.ts";
import type { Timer } from "../../time/timer.ts";
import { uniqueRev } from "../../tokens/token.ts";
import type { RunScript, Script } from "./script-runner.ts";

/** What a script answers first when it was too late. */
const LATE = -2;
/** How much longer than the deadline it is remembered what a call has done, in milliseconds. */
const REMEMBERED = 60_000;

/** Runs scripts that refuse to be late. */
export interface TimelyRunner {
  run(script: Script, marker: string, args: readonly string[]): Promise<unknown>;
}

export interface TimelyOptions {
  readonly run: RunScript;
  readonly timer: Timer;
  readonly deadline: number;
  /** By shard: what a server's clock showed, and when that was by the timer. */
  readonly shown: ReadonlyMap<string, { readonly server: number; readonly elapsed: number }>;
}

/**
 * A client that sends again what was not answered can bring a change long after its caller has given up, and twice. The
 * change therefore says until when it may be made: as long as its caller waits. If the estimate of the server's clock
 * was wrong, the server's answer corrects it, and the change is sent once more. And each call has a name, by which the
 * server knows what it has made already: an update that came again after another one would be refused, and its caller
 * would make it anew; a delete would take what was put meanwhile, or answer that nothing was there.
 */
export function timelyRunner({ run, timer, deadline, shown }: TimelyOptions): TimelyRunner {
  const ahead = new Map([...shown].map(([marker, { server, elapsed }]) => [marker, server - elapsed]));
  const until = (marker: string): string => `${Math.floor((ahead.get(marker) ?? 0) + timer.elapsed() + deadline)}`;
  const remembered = `${deadline + REMEMBERED}`;
  const store = uniqueRev();
  let count = 0;
  return {
    async run(script, marker, args) {
      const startedAt = timer.elapsed();
      const name = `${store}.${++count}`;
      const reply = await run(script, marker, [...args, until(marker), name, remembered]);
      if (!isLate(reply)) return reply;
      if (timer.elapsed() - startedAt >= deadline) throw tooLate();
      ahead.set(marker, Number(reply[1]) - timer.elapsed());
      const second = await run(script, marker, [...args, until(marker), name, remembered]);
      if (isLate(second)) throw tooLate();
      return second;
    },
  };
}

function isLate(reply: unknown): reply is readonly [number, string] {
  return Array.isArray(reply) && reply[0] === LATE;
}

function tooLate(): StoreError {
  return new StoreError("store_timeout", "Redis was reached after the deadline; nothing was changed");
}
