/** A thread with its own connection to the file, which runs some of the clients of each race. */
import { parentPort, workerData } from "node:worker_threads";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { racerOn } from "./level.ts";
import { CLIENTS, STEPS, type History } from "./races.ts";
import { random } from "./random.ts";
import type { Heat } from "./sqlite-races.ts";

const { path, commit, level, count, thread, threads, gates } = workerData as Heat;
const store = sqliteStore({ path, commit });
const port = parentPort!;
const racer = racerOn(level, store);
const arrivals = new Int32Array(gates);

/** Waits until every thread has come to the start of a race. */
function meet(race: number): void {
  Atomics.add(arrivals, race, 1);
  Atomics.notify(arrivals, race);
  for (let there = 0; (there = Atomics.load(arrivals, race)) < threads;) Atomics.wait(arrivals, race, there);
}

const histories: History[] = [];
for (let race = 0; race < count; race++) {
  meet(race);
  const clients = Array.from({ length: CLIENTS }, (_, client) => client).filter((each) => each % threads === thread);
  const calls = clients.map(async (client) =>
    racer({ race, client, random: random(race * CLIENTS + client), steps: STEPS }),
  );
  histories.push((await Promise.all(calls)).flat());
}
await store.close();
port.postMessage(histories);
