/** Records calls as they are requested and answered. */
import type { Store } from "../../../src/store/store.ts";
import type { Call } from "./linearizable.ts";
import { perform, type Operation } from "./model.ts";

export interface History {
  readonly calls: readonly Call[];
  /** Makes a call, and writes down when it was requested and answered. */
  make<T>(operation: Operation): Promise<T>;
}

export function history(store: Store): History {
  const calls: Call[] = [];
  let clock = 0;
  return {
    calls,
    async make<T>(operation: Operation): Promise<T> {
      const requested = clock++;
      const answer = await perform(store, operation);
      calls.push({ operation, answer, requested, answered: clock++ });
      return answer as T;
    },
  };
}
