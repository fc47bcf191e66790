/**
 * The signals that sessions have, and for how long each is kept.
 *
 * A signal must abort for whoever listens to it, or to what `AbortSignal.any` has made of it; one that nobody holds and
 * nobody listens to should go. No runtime tells which it is: what `any` makes refers to its sources weakly, so that a
 * signal which is only referred to weakly here would be gone, and who relies on it would never hear. Node knows the problem
 * from its own `AbortSignal.timeout`: it keeps a signal that is marked as one of those for as long as something listens to
 * it, or it is a source of `any`. So where Node has that mark, and hands it on to what `any` makes (which came with it,
 * in Node 24), our signals have it as well, and are referred to weakly. Elsewhere each is kept until its session ends.
 */
declare const AbortController: new () => Controller;
declare const AbortSignal: { any(signals: readonly SessionSignal[]): object; timeout(delay: number): object };

/** An `AbortController`. */
export interface Controller {
  readonly signal: SessionSignal;
  abort(reason: unknown): void;
}

/** What every `AbortSignal` can do. */
export interface SignalLike {
  readonly aborted: boolean;
  readonly reason: unknown;
  throwIfAborted(): void;
  addEventListener(type: "abort", listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

type FetchOptions = typeof globalThis extends { fetch(input: never, init?: infer Init): unknown } ? Init : undefined;

/**
 * The runtime's own `AbortSignal`, where its types are there; else no more than what it can do. It is found as what
 * `fetch` takes: all runtimes declare that as a function, and not all declare the class as a variable.
 *
 * @example
 * ```ts
 * import { createSessions, type SessionSignal } from "sojourn";
 *
 * const sessions = createSessions();
 * const signal: SessionSignal = sessions.signal(sessions.create("ann").id);
 * console.log(signal.aborted); // false
 * ```
 */
export type SessionSignal =
  NonNullable<FetchOptions> extends { readonly signal?: infer Signal } ? NonNullable<Signal> : SignalLike;

/** A controller, as long as it is kept. */
export interface KeptController {
  deref(): Controller | undefined;
}

/** Makes a controller for an owner. */
export type KeptControllers<Owner> = (owner: Owner) => KeptController;

/** @param onCollected told the owner of a controller that goes before it was of use */
export function keptControllers<Owner>(onCollected: (owner: Owner) => void): KeptControllers<Owner> {
  // Not every runtime has one, and none needs it that keeps every signal.
  let collected: FinalizationRegistry<Owner> | undefined;
  return (owner) => {
    const controller = new AbortController();
    mark ??= { symbol: timeoutMark() };
    const { symbol } = mark;
    if (symbol === undefined) return { deref: () => controller };
    // The signal keeps its controller.
    Object.assign(controller.signal, { [symbol]: true, [CONTROLLER]: controller });
    collected ??= new FinalizationRegistry(onCollected);
    collected.register(controller, owner);
    return new WeakRef(controller);
  };
}

const CONTROLLER = Symbol("the controller of a session's signal");
let mark: { readonly symbol: symbol | undefined } | undefined;

/** The symbol that marks a signal of `AbortSignal.timeout`, in versions of Node that keep one for what `any` makes of it. */
function timeoutMark(): symbol | undefined {
  const { signal } = new AbortController();
  if (!symbolsOf(signal).some(({ description }) => description === "kComposite")) return undefined;
  const symbol = symbolsOf(AbortSignal.timeout(1)).find(({ description }) => description === "kTimeout");
  if (symbol === undefined) return undefined;
  Object.assign(signal, { [symbol]: true });
  return Reflect.get(AbortSignal.any([signal]), symbol) === true ? symbol : undefined;
}

function symbolsOf(signal: object): readonly symbol[] {
  return Object.getOwnPropertySymbols(signal);
}
