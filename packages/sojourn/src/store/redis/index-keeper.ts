/**
 * Runs scripts that go by an index. Where one was evicted, the indexes are made again from the records, slice by slice, and
 * the script is run again. Until then its caller waits, at most until its deadline, which is a fault. It is never told
 * that there is nobody.
 */
import type { Calls } from "./calls.ts";
import type { RunScript, Script } from "./script-runner.ts";

/** How many keys of the server one slice of a scan looks at: milliseconds of its time. */
const SLICE = 500;

/** How often a script is run again: an index can be lost once more before it has run. */
const TRIES = 5;

export interface IndexKeeperOptions {
  readonly calls: Calls;
  readonly run: RunScript;
  readonly rebuild: Script;
  readonly stamp: string;
}

export interface IndexKeeper {
  /** Makes the indexes of a shard whole. At most one scan of a shard runs at a time. */
  restore(marker: string): Promise<void>;
  /** Runs a script, and again each time the indexes were not whole, once they are. */
  whole(run: RunScript): RunScript;
}

export function indexKeeper({ calls, run, rebuild, stamp }: IndexKeeperOptions): IndexKeeper {
  const scans = new Map<string, Promise<void>>();

  async function scan(marker: string): Promise<void> {
    const pattern = `${marker.replaceAll(/[\\*?[\]]/g, (sign) => `\\${sign}`)}:e:*`;
    let [cursor, epoch] = ["0", ""];
    do {
      [cursor, epoch] = await calls.run(
        () => run(rebuild, marker, [stamp, cursor, epoch, `${SLICE}`, pattern]),
        (reply) => reply as [string, string],
      );
    } while (cursor !== "0");
  }

  function restore(marker: string): Promise<void> {
    const running = scans.get(marker);
    if (running !== undefined) return running;
    const begun = scan(marker).finally(() => scans.delete(marker));
    scans.set(marker, begun);
    return begun;
  }

  return {
    restore,
    whole: (inner) => async (script, marker, args) => {
      for (let tries = TRIES; ; tries--) {
        try {
          return await inner(script, marker, args);
        } catch (error) {
          if (tries === 0 || !(error instanceof Error) || !error.message.includes("SOJOURNINDEX")) throw error;
          await restore(marker);
        }
      }
    },
  };
}
