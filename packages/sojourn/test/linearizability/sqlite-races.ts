/** Races between threads, each with its own connection to one SQLite file: what else would be at once there? */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Level } from "./level.ts";
import type { History } from "./races.ts";

/** What a thread is told. */
export interface Heat {
  readonly path: string;
  readonly commit: "each" | "grouped";
  readonly level: Level;
  /** How many races. */
  readonly count: number;
  readonly thread: number;
  readonly threads: number;
  /** A number for each race: how many threads are at its start. */
  readonly gates: SharedArrayBuffer;
}

/** Runs races on a file that does not exist yet. */
export async function sqliteRaces(
  heat: Pick<Heat, "path" | "commit" | "level" | "count" | "threads">,
): Promise<History[]> {
  const gates = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * heat.count);
  const workers = Array.from({ length: heat.threads }, (_, thread) => {
    const workerData: Heat = { ...heat, thread, gates };
    return new Worker(new URL("./sqlite-racer.ts", import.meta.url), { workerData });
  });
  try {
    const parts = await Promise.all(workers.map(async (worker) => ((await once(worker, "message")) as [History[]])[0]));
    return Array.from({ length: heat.count }, (_, race) => parts.flatMap((part) => part[race] ?? []));
  } finally {
    await Promise.all(workers.map(async (worker) => worker.terminate()));
  }
}
