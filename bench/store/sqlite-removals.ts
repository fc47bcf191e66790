/**
 * What it costs on SQLite that ends are told: `npm run --silent build && node bench/store/sqlite-removals.ts`.
 *
 *  - a `destroy`, and the cleanup of what has expired, by time and by time of the processor: where nobody has ever watched
 *    the file, where somebody has but nobody does now, and where somebody is told
 *  - how long after a `destroy` another store on the file is told, at `maxLag: "50ms"`
 *  - what an idle watch costs
 *
 * The files take turns in one process; medians for times, sums for the processor.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSessions, type Store } from "sojourn";
import { sqliteStore } from "sojourn/sqlite";
import { manualClock } from "sojourn/testing";
import { ensure, median, report, times, type Row } from "../measure.ts";

const ROUNDS = 40;
const EACH_ROUND = 64;
const folder = mkdtempSync(join(tmpdir(), "sojourn-bench-"));
const rows: Row[] = [];
const micro = (value: number): string => `${value.toFixed(1)} µs`;
const wait = async (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

const STATES = ["never watched", "watched before", "watched"] as const;
type State = (typeof STATES)[number];
let told = 0;

async function storeIn(state: State, commit: "each" | "grouped", name: string): Promise<Store> {
  const path = join(folder, `${name} ${commit} ${state}.db`);
  const store: Store = commit === "each" ? sqliteStore({ path }) : sqliteStore({ path, commit });
  if (state === "never watched") return store;
  const watch = store.watchRemovals?.((removed) => {
    if (removed !== null) told++;
  });
  await watch?.confirm();
  if (state === "watched before") await watch?.close();
  return store;
}

/** One way of removing, in turns on a file in each state. `remove` answers how many it has removed. */
async function compare(
  what: string,
  commit: "each" | "grouped",
  prepare: (sessions: ReturnType<typeof createSessions>) => Promise<() => Promise<number>>,
): Promise<void> {
  const clock = manualClock();
  const contestants = await Promise.all(
    STATES.map(async (state) => {
      const store = await storeIn(state, commit, what);
      return { state, store, sessions: createSessions({ store, clock, ttl: "1h" }), took: [] as number[], spent: 0 };
    }),
  );
  told = 0;
  let removed = 0;
  for (let round = 0; round < ROUNDS + 2; round++) {
    for (const contestant of contestants) {
      const remove = await prepare(contestant.sessions);
      if (what === "cleanup") clock.advance("2h");
      const before = process.cpuUsage();
      const start = performance.now();
      const count = await remove();
      const took = ((performance.now() - start) * 1_000) / count;
      const { user, system } = process.cpuUsage(before);
      if (contestant.state === "watched") removed += count;
      if (round < 2) continue;
      contestant.took.push(took);
      contestant.spent += (user + system) / count / ROUNDS;
    }
  }
  ensure(told === removed, `all were told, got ${told} of ${removed}`);
  const [bare, ...others] = contestants;
  for (const { state, took, spent } of others) {
    const base = median(bare?.took ?? []);
    rows.push({
      what: `${what}, ${commit}, ${state}`,
      ours: `${micro(median(took))}, processor ${micro(spent)}`,
      against: `never watched: ${micro(base)}, processor ${micro(bare?.spent ?? Number.NaN)}`,
      ratio: `${times(median(took) / base)}, by processor time ${times(spent / (bare?.spent ?? Number.NaN))}`,
      aim: "–",
    });
  }
  for (const { store } of contestants) await store.close();
}

async function lag(): Promise<void> {
  const path = join(folder, "lag.db");
  const [one, other] = [sqliteStore({ path }), sqliteStore({ path })];
  const sessions = createSessions({ store: one });
  const lags: number[] = [];
  let destroyedAt = 0;
  const watch = other.watchRemovals?.(() => lags.push(performance.now() - destroyedAt));
  await watch?.confirm();
  lags.length = 0;
  for (let n = 0; n < 100; n++) {
    const { id } = sessions.create("ann", {});
    await wait((n * 37) % 50);
    destroyedAt = performance.now();
    sessions.destroy(id);
    while (lags.length <= n) await wait(1);
  }
  const sorted = lags.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN).toFixed(1);
  rows.push({
    what: "a removal until another store is told, maxLag 50 ms",
    ours: `median ${at(0.5)} ms, p99 ${at(0.99)}, max ${at(1)}`,
    against: "–",
    ratio: "–",
    aim: "50 ms and what the event loop is late",
  });
  one.close();
  other.close();
}

/** Time of the processor, in microseconds, that three seconds of nothing take. */
async function spent(): Promise<number> {
  const before = process.cpuUsage();
  await wait(3_000);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

async function idle(): Promise<void> {
  const bare = await spent();
  const store = sqliteStore({ path: join(folder, "idle.db"), maxLag: 1 });
  const watch = store.watchRemovals?.(() => {});
  await watch?.confirm();
  await spent();
  // A timer of a millisecond rings about as often.
  const each = ((await spent()) - bare) / 3_000;
  rows.push({
    what: "an idle watch, maxLag 50 ms",
    ours: `${micro(each)} of the processor a look, ${micro(20 * each)} a second`,
    against: "–",
    ratio: "–",
    aim: "–",
  });
  store.close();
}

for (const commit of ["each", "grouped"] as const) {
  await compare("destroy", commit, async (sessions) => {
    const made = await Promise.all(Array.from({ length: EACH_ROUND }, async (_, n) => sessions.create(`u${n}`, {})));
    return async () => {
      await Promise.all(made.map(async ({ id }) => sessions.destroy(id)));
      return EACH_ROUND;
    };
  });
}
await compare("cleanup", "grouped", async (sessions) => {
  await Promise.all(Array.from({ length: 500 }, async (_, n) => sessions.create(`u${n}`, {})));
  return async () => {
    let removed = 0;
    for (let slice = -1; slice !== 0; removed += slice) slice = await sessions.cleanup({ limit: 500 });
    return removed;
  };
});
await lag();
await idle();
report("Ends that are told on SQLite", rows);
rmSync(folder, { recursive: true });
