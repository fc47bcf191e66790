/** Clients that work on one thing at the same time, and write down what they asked and saw, and when. */
import { StoreError } from "../../src/errors.ts";
import type { SequentialModel, Timed } from "./checker.ts";
import type { Random } from "./random.ts";

/** A call of a history. */
export interface Call<Operation, Answer> extends Timed {
  readonly client: number;
  readonly operation: Operation;
  /** `undefined` if there was no answer: it may have happened, may happen yet, or not. */
  readonly answer: Answer | undefined;
}

/** What clients do, and what they must see. */
export interface Workload<Operation, Answer, State> {
  readonly model: SequentialModel<State, Call<Operation, Answer>>;
  /** The next operation of a client; `mark` is its own, in all races. `seen` is what its last call was answered. */
  choose(random: Random, mark: string, seen: Answer | undefined): Operation;
}

/** Makes a call on the one thing that the race is about. */
export type Perform<Operation, Answer> = (operation: Operation) => Promise<Answer>;

/** The instant in nanoseconds, by a clock that all processes of the machine share and nobody sets. */
export const instant = (): number => Number(process.hrtime.bigint());

/** Which part of which race a client runs. */
export interface Lane {
  /** The number of the race, which is that of the one thing. */
  readonly race: number;
  readonly client: number;
  readonly random: Random;
  /** How many calls the client makes. */
  readonly steps: number;
}

/**
 * Runs one client to its end, or until a call has no answer: each of those doubles what the checker has to look at.
 *
 * @throws whatever a call throws but a `StoreError`, which is no answer
 */
export async function runClient<Operation, Answer, State>(
  { choose }: Workload<Operation, Answer, State>,
  perform: Perform<Operation, Answer>,
  { race, client, random, steps }: Lane,
): Promise<Call<Operation, Answer>[]> {
  const calls: Call<Operation, Answer>[] = [];
  let seen: Answer | undefined;
  for (let step = 0; step < steps; step++) {
    const operation = choose(random, `${race}.${client}.${step}`, seen);
    const requested = instant();
    const answer = await perform(operation).catch((error: unknown) => {
      if (error instanceof StoreError) return undefined;
      throw error;
    });
    const answered = answer === undefined ? Infinity : instant();
    calls.push({ client, operation, answer, requested, answered });
    if (answer === undefined) break;
    seen = answer;
  }
  return calls;
}

/** A history as a person reads it, in the order of the requests. */
export function print(calls: readonly Call<unknown, unknown>[]): string {
  const start = Math.min(...calls.map(({ requested }) => requested));
  const micros = (at: number): string => (at === Infinity ? "never" : ((at - start) / 1_000).toFixed(1)).padStart(9);
  return calls
    .toSorted((a, b) => a.requested - b.requested)
    .map(({ client, operation, answer, requested, answered }) => {
      const line = `${micros(requested)} – ${micros(answered)} µs, client ${client}: ${JSON.stringify(operation)}`;
      return `${line} → ${JSON.stringify(answer) ?? "no answer"}`;
    })
    .join("\n");
}
