/** What all runtimes have of abort signals, named by its shape, so that the published types need no runtime's types. */
declare const AbortController: new () => Controller;

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
 */
export type SessionSignal =
  NonNullable<FetchOptions> extends { readonly signal?: infer Signal } ? NonNullable<Signal> : SignalLike;

export function abortController(): Controller {
  return new AbortController();
}
