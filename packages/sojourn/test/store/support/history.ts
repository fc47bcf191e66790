/** Records calls as they are requested and answered. */
import type { Store } from "../../../src/store/store.ts";
import type { Call } from "./linearizable.ts";
import { perform, type Beginnings, type Operation } from "./model.ts";

export interface History {
  readonly calls: readonly Call[];
  /**
   * Makes a call, and writes down when it was requested and answered. A put that names no beginning begins now, which is a
   * call of its own, over at once.
   */
  make<T>(operation: Operation): Promise<T>;
}

export function history(store: Store): History {
  const calls: Call[] = [];
  const beginnings: Beginnings = new Map();
  let clock = 0;

  async function recorded(operation: Operation): Promise<unknown> {
    const requested = clock++;
    const answer = await perform(store, operation, beginnings);
    calls.push({ operation, answer, requested, answered: clock++ });
    return answer;
  }

  return {
    calls,
    async make<T>(operation: Operation): Promise<T> {
      if (operation.call !== "put" || operation.begun !== undefined) return (await recorded(operation)) as T;
      const begun = `begun ${clock}`;
      beginnings.set(begun, store.begin());
      const beginning = { operation: { call: "begin", name: begun }, answer: undefined } as const;
      calls.push({ ...beginning, requested: clock++, answered: clock++ });
      return (await recorded({ ...operation, begun })) as T;
    },
  };
}
