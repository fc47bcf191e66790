/** Histories of every call of a store, judged by the model of the whole contract. */
import { isLinearizable as hasOrder, type SequentialModel, type Timed } from "../../linearizability/checker.ts";
import type { Guarantees } from "../../../src/store/store.ts";
import { Model, type Operation } from "./model.ts";

/** A call of a history, with its places in the order of all requests and answers. */
export interface Call extends Timed {
  readonly operation: Operation;
  readonly answer: unknown;
}

const contract = (guarantees: Pick<Guarantees, "exactOrder">): SequentialModel<Model, Call> => ({
  start: new Model(guarantees),
  nameOf: ({ entries, revoked, begun }) => JSON.stringify([entries, revoked, begun]),
  step(model, { operation, answer }) {
    const next = model.clone();
    try {
      next.judge(operation, answer);
      // Each beginning is for one put here: what is over need not tell states apart any more.
      if (operation.call === "put" && operation.begun !== undefined) next.forget(operation.begun);
      return next;
    } catch {
      return undefined;
    }
  },
});

/** Whether a history of calls at once could have come from calls made one after the other. */
export function isLinearizable(
  history: readonly Call[],
  guarantees: Pick<Guarantees, "exactOrder"> = { exactOrder: true },
): boolean {
  return hasOrder(history, contract(guarantees));
}
