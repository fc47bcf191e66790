/** Time as it passes, whatever the date is set to, and a way to wait for it. A test brings one that it moves. */
export interface Timer {
  /** Milliseconds since some instant. Never set back; whether it goes on while the machine sleeps differs by system. */
  elapsed(): number;
  /**
   * Runs something once, about `delay` milliseconds later.
   *
   * @param options.background `true` if nobody waits for it, so that it keeps no process alive. @default false
   * @returns how to call it off
   */
  after(delay: number, run: () => void, options?: { readonly background?: boolean }): () => void;
}

/** What the runtimes have. A handle is an object with `unref` in Node and Bun, and a number elsewhere. */
interface Runtime {
  readonly performance: { now(): number };
  setTimeout(run: () => void, delay: number): { unref?(): void };
  clearTimeout(handle: object): void;
  readonly Deno?: { unrefTimer(handle: object): void };
}
const runtime = globalThis as unknown as Runtime;

/** The machine's own. */
export const systemTimer: Timer = Object.freeze({
  elapsed: () => runtime.performance.now(),
  after(delay: number, run: () => void, options?: { readonly background?: boolean }) {
    const handle = runtime.setTimeout(run, delay);
    if (options?.background === true) {
      if (handle.unref !== undefined) handle.unref();
      else runtime.Deno?.unrefTimer(handle);
    }
    return () => runtime.clearTimeout(handle);
  },
});
