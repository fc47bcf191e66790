/** Every call answers a callback, if it was given one, or else with a promise. */
import { setImmediate } from "node:timers";
import { StoreError } from "../../errors.ts";

/** Told once how a call ended: with an error, or with `null` and a value. */
export type Callback<T> = (error: unknown, value?: T) => void;

/**
 * Answers the callback, in a later turn of the event loop, as express-session's own MemoryStore does. What the callback
 * throws is then an exception of its own: it is not called again, and no promise of ours is rejected.
 */
export function answer<T>(ask: () => T | Promise<T>, callback: Callback<T> | undefined): Promise<T> | undefined {
  const reply = answerLater(ask);
  if (callback === undefined) return reply;
  void reply.then(
    (value) => setImmediate(() => callback(null, value)),
    (error: unknown) => setImmediate(() => callback(error)),
  );
  return undefined;
}

async function answerLater<T>(ask: () => T | Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw asFault(error);
  }
}

/** express-session takes an error with the code ENOENT for "no such session"; a server that is not there is not that. */
function asFault(error: unknown): unknown {
  if ((error as { readonly code?: unknown } | null | undefined)?.code !== "ENOENT") return error;
  return new StoreError("store_unavailable", "The store of the sessions cannot be reached", { cause: error });
}
