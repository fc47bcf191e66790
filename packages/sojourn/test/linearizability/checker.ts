/**
 * Whether a history of calls at once could have come from calls made one after the other.
 *
 * Each call takes effect at one instant between its request and its answer. One that has no answer (it timed out, or
 * its line broke) takes effect at any instant after its request, or never, which is the same as after all the others.
 *
 * The search is that of Wing and Gong: among the calls that were requested before any open one was answered, take one
 * whose answer the model gives, and go on from there; where no call fits, take the last one back. Lowe's addition
 * keeps it short: a set of calls that led to a state of the model before is not looked at again.
 */

/** When a call was made. Both instants come from one monotonic clock; `answered` is infinite if it never was. */
export interface Timed {
  readonly requested: number;
  readonly answered: number;
}

/** What one caller alone would see: a machine with a few states. */
export interface SequentialModel<State, Call> {
  readonly start: State;
  /** The state after a call; `undefined` if no right answer to it is the one that was given. */
  step(state: State, call: Call): State | undefined;
  /** States with the same name are the same. */
  nameOf(state: State): string;
}

/** A place in the order of all requests and answers, chained to the next. */
interface Mark<Call> {
  readonly call: Call;
  /** Which call, as one bit of a set. */
  readonly bit: bigint;
  /** The answer that belongs to this request; none for an answer. */
  readonly answer: Mark<Call> | undefined;
  previous: Mark<Call> | undefined;
  next: Mark<Call> | undefined;
}

/** How many steps a search may take: each call without an answer can double them. */
const MOST_STEPS = 2_000_000;

/**
 * Whether there is an order of all calls in which the model gives each answer.
 *
 * @throws Error if the history is too hard to tell
 */
export function isLinearizable<State, Call extends Timed>(
  calls: readonly Call[],
  model: SequentialModel<State, Call>,
): boolean {
  const head = chainOf(calls);
  const seen = new Set<string>();
  const taken: { readonly mark: Mark<Call>; readonly before: State }[] = [];
  let state = model.start;
  let set = 0n;
  let open = calls.filter(({ answered }) => answered !== Infinity).length;
  let mark = head.next;
  while (open > 0) {
    if (mark?.answer !== undefined) {
      const isAnswered = mark.call.answered !== Infinity;
      const next = model.step(state, mark.call);
      // A lost call that would change nothing can as well come later, or never.
      const isOfUse = next !== undefined && (isAnswered || model.nameOf(next) !== model.nameOf(state));
      const name = isOfUse ? `${(set | mark.bit).toString(36)} ${model.nameOf(next)}` : "";
      if (!isOfUse || seen.has(name)) {
        mark = mark.next;
        continue;
      }
      seen.add(name);
      if (seen.size > MOST_STEPS) throw new Error("Too many calls without an answer");
      taken.push({ mark, before: state });
      state = next;
      set |= mark.bit;
      if (isAnswered) open--;
      unlink(mark);
      mark = head.next;
    } else {
      // An answer, and its call has not been taken: one of those before it has to go another way.
      const last = taken.pop();
      if (last === undefined) return false;
      state = last.before;
      set &= ~last.mark.bit;
      if (last.mark.call.answered !== Infinity) open++;
      relink(last.mark);
      mark = last.mark.next;
    }
  }
  return true;
}

/** All requests and answers in their order. Of those at one instant requests come first, which allows the most. */
function chainOf<Call extends Timed>(calls: readonly Call[]): Mark<Call> {
  const marks = calls.flatMap((call, index) => {
    const bit = 1n << BigInt(index);
    const answer: Mark<Call> = { call, bit, answer: undefined, previous: undefined, next: undefined };
    return [{ ...answer, answer }, answer];
  });
  const instantOf = ({ call, answer }: Mark<Call>): number => (answer === undefined ? call.answered : call.requested);
  const order = (mark: Mark<Call>): number => (mark.answer === undefined ? 1 : 0);
  // Two infinite instants have no difference.
  marks.sort((a, b) => (instantOf(a) === instantOf(b) ? order(a) - order(b) : instantOf(a) - instantOf(b)));
  const head: Mark<Call> = { ...(marks[0] as Mark<Call>), previous: undefined, next: undefined };
  let last = head;
  for (const mark of marks) {
    mark.previous = last;
    last.next = mark;
    last = mark;
  }
  return head;
}

/** Takes a request and its answer out of the chain. */
function unlink<Call>(mark: Mark<Call>): void {
  for (const each of [mark, mark.answer]) {
    if (each?.previous !== undefined) each.previous.next = each.next;
    if (each?.next !== undefined) each.next.previous = each.previous;
  }
}

/** Puts them back where they were; possible because it is done in the opposite order. */
function relink<Call>(mark: Mark<Call>): void {
  for (const each of [mark.answer, mark]) {
    if (each?.previous !== undefined) each.previous.next = each;
    if (each?.next !== undefined) each.next.previous = each;
  }
}
