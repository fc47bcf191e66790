/** Whether a store answers with values or with promises of them. */
export type Mode = "sync" | "async";

/** What a call of a store, or of a manager over it, returns: `T` itself, or a promise of it. */
export type Reply<M extends Mode, T> = M extends "sync" ? T : Promise<T>;

/**
 * How rules are written once for both modes: a step takes a reply and goes on with its value, at once or later.
 * The mode is fixed when a manager is created, so nothing sniffs for promises while a request runs.
 */
export interface Replies<M extends Mode> {
  /** A reply that is already there. */
  of<T>(value: T): Reply<M, T>;
  /** Goes on with the value of a reply; to a value that is there, and not to a promise of it, costs less. */
  chain<A, B>(reply: Reply<M, A>, next: (value: A) => Reply<M, B> | B): Reply<M, B>;
}

const sync: Replies<"sync"> = Object.freeze({
  of: <T>(value: T) => value,
  chain: <A, B>(reply: A, next: (value: A) => B) => next(reply),
});

const async: Replies<"async"> = Object.freeze({
  of: <T>(value: T) => Promise.resolve(value),
  chain: <A, B>(reply: Promise<A>, next: (value: A) => Promise<B> | B) => reply.then(next),
});

/** The steps of a mode. */
export function replies<M extends Mode>(mode: M): Replies<M> {
  const steps: Replies<"sync"> | Replies<"async"> = mode === "sync" ? sync : async;
  return steps as Replies<M>;
}

/**
 * A call written as steps in order: what it yields are replies, and each comes back as its value.
 *
 * Declare the generator once, for a module or a manager, and pass it what it needs: a generator that is declared inside
 * of a call costs that call microseconds, since V8 makes a hidden class for each function of that kind.
 */
export type Steps<T> = Generator<unknown, T, unknown>;

/**
 * Makes the steps of a call, at once on a synchronous store, over promises on an asynchronous one. A fault is thrown
 * where the step stands, so that `try`, `catch` and `finally` mean the same in both modes.
 */
export function run<M extends Mode, T>(mode: M, steps: Steps<T>): Reply<M, T> {
  return (mode === "sync" ? runNow(steps) : runLater(steps)) as Reply<M, T>;
}

/** One step: `const entry = yield* wait(store.get(key, now))`. */
export function wait<M extends Mode, T>(reply: Reply<M, T>): Iterable<unknown, T, unknown> {
  return new Step<T>(reply);
}

/**
 * A lighter form of the generator that yields one reply and returns what comes back: half its time. A reply that is
 * there already is not yielded: it would travel to the outermost generator and back.
 */
class Step<T> implements Iterator<unknown, T, unknown> {
  readonly #reply: unknown;
  #isAsked = false;

  constructor(reply: unknown) {
    this.#reply = reply;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(value?: unknown): IteratorResult<unknown, T> {
    if (this.#isAsked) return { done: true, value: value as T };
    if (!isThenable(this.#reply)) return { done: true, value: this.#reply as T };
    this.#isAsked = true;
    return { done: false, value: this.#reply };
  }

  throw(error: unknown): never {
    throw error;
  }
}

function isThenable(reply: unknown): boolean {
  return typeof reply === "object" && reply !== null && "then" in reply;
}

function runNow<T>(steps: Steps<T>): T {
  let step = steps.next();
  while (step.done !== true) step = steps.next(step.value);
  return step.value;
}

async function runLater<T>(steps: Steps<T>): Promise<T> {
  let step = steps.next();
  while (step.done !== true) {
    let value: unknown;
    try {
      value = await step.value;
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(value);
  }
  return step.value;
}
