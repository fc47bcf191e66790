/**
 * Whether a history of calls at once could have come from calls made one after the other.
 *
 * Each call takes effect at one instant between its request and its answer. The search tries, as the next call, each
 * one that was requested before any call still open was answered, and lets the model judge its answer. What was tried
 * in vain from one state of the model is not tried again.
 */
import { Model, type Operation } from "./model.ts";

/** A call of a history, with its places in the order of all requests and answers. */
export interface Call {
  readonly operation: Operation;
  readonly answer: unknown;
  readonly requested: number;
  readonly answered: number;
}

export function isLinearizable(history: readonly Call[], start: Model = new Model()): boolean {
  const inVain = new Set<string>();

  function search(open: readonly Call[], model: Model): boolean {
    if (open.length === 0) return true;
    const state = `${open.map(({ requested }) => requested).join()} ${JSON.stringify([model.entries, model.floors])}`;
    if (inVain.has(state)) return false;
    const firstAnswer = Math.min(...open.map(({ answered }) => answered));
    for (const call of open) {
      if (call.requested > firstAnswer) continue;
      const next = model.clone();
      if (!agrees(next, call)) continue;
      const rest = open.filter((other) => other !== call);
      if (search(rest, next)) return true;
    }
    inVain.add(state);
    return false;
  }

  return search(history, start.clone());
}

function agrees(model: Model, { operation, answer }: Call): boolean {
  try {
    model.judge(operation, answer);
    return true;
  } catch {
    return false;
  }
}
