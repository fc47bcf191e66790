/** Whether a store answers with values or with promises of them. */
export type Mode = "sync" | "async";

/** What a call of a store, or of a manager over it, returns: `T` itself, or a promise of it. */
export type Reply<M extends Mode, T> = M extends "sync" ? T : Promise<T>;

/**
 * How rules are written once for both modes: a step takes a reply and goes on with its value, at once or later.
 * The mode is settled when a manager is created, so nothing sniffs for promises while a request runs.
 */
export interface Replies<M extends Mode> {
  /** A reply that is already there. */
  of<T>(value: T): Reply<M, T>;
  /** Goes on with the value of a reply. */
  chain<A, B>(reply: Reply<M, A>, next: (value: A) => Reply<M, B>): Reply<M, B>;
  /** The reply of a call, or another value if it fails. */
  orElse<A, B>(call: () => Reply<M, A>, otherwise: B): Reply<M, A | B>;
}

const sync: Replies<"sync"> = Object.freeze({
  of: <T>(value: T) => value,
  chain: <A, B>(reply: A, next: (value: A) => B) => next(reply),
  orElse<A, B>(call: () => A, otherwise: B) {
    try {
      return call();
    } catch {
      return otherwise;
    }
  },
});

const async: Replies<"async"> = Object.freeze({
  of: <T>(value: T) => Promise.resolve(value),
  chain: <A, B>(reply: Promise<A>, next: (value: A) => Promise<B>) => reply.then(next),
  async orElse<A, B>(call: () => Promise<A>, otherwise: B) {
    try {
      return await call();
    } catch {
      return otherwise;
    }
  },
});

/** The steps of a mode. */
export function replies<M extends Mode>(mode: M): Replies<M> {
  const steps: Replies<"sync"> | Replies<"async"> = mode === "sync" ? sync : async;
  return steps as Replies<M>;
}
