/** Many races, one after the other, each on an entry or a session of its own. */
import type { Store } from "../../src/store/store.ts";
import { racerOn, type Level } from "./level.ts";
import type { Call } from "./race.ts";
import { random } from "./random.ts";
import type { WorkerClock } from "./revocation-workload.ts";

/** How much longer than usual the races last: `SOJOURN_TEST_LONG=50 npx vitest run …`. */
export const LONGER: number = Number(process.env["SOJOURN_TEST_LONG"] ?? 1);

export const CLIENTS = 8;
/** How many calls each client makes in a race. */
export const STEPS = 16;

export type History = readonly Call<unknown, unknown>[];

/**
 * Runs races in this process: client n uses store n, or the stores in turn if there are fewer.
 *
 * @param clocks those of the stores, if they have one
 */
export async function races(
  level: Level,
  stores: readonly Store[],
  count: number,
  clocks: readonly WorkerClock[] = [],
): Promise<History[]> {
  const racers = stores.map((store, index) => racerOn(level, store, clocks[index]));
  const histories: History[] = [];
  for (let race = 0; race < count; race++) {
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      const racer = racers[client % racers.length];
      return racer?.({ race, client, random: random(race * CLIENTS + client), steps: STEPS }) ?? [];
    });
    histories.push((await Promise.all(clients)).flat());
  }
  return histories;
}

/**
 * One race, each store with a client of its own, whose numbers begin at `first`: it can be run again on the same thing, by
 * others.
 */
export async function oneRace(level: Level, stores: readonly Store[], race: number, first = 0): Promise<History> {
  const clients = stores.map(async (store, index) =>
    racerOn(level, store)({ race, client: first + index, random: random(race * 16 + first + index), steps: STEPS }),
  );
  return (await Promise.all(clients)).flat();
}

/** A store that tells of each call on one entry before it is made. */
export function counted(store: Store<"async">, onCall: () => void): Store<"async"> {
  const { get, put, touch, delete: remove } = store;
  return {
    ...store,
    get: async (...args) => (onCall(), get(...args)),
    put: async (...args) => (onCall(), put(...args)),
    touch: async (...args) => (onCall(), touch(...args)),
    delete: async (...args) => (onCall(), remove(...args)),
  };
}

/** How many pairs of calls were under way at the same time: what a race is worth. */
export function overlaps(histories: readonly History[]): number {
  let pairs = 0;
  for (const history of histories) {
    for (const [index, { requested, answered }] of history.entries()) {
      for (const other of history.slice(index + 1)) {
        if (other.requested < answered && requested < other.answered) pairs++;
      }
    }
  }
  return pairs;
}
