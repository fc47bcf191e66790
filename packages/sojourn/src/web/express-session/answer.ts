/** Every call answers a callback, if it was given one, or else with a promise. */
import { StoreError } from "../../errors.ts";

/** Told once how a call ended: with an error, or with `null` and a value. */
export type Callback<T> = (error: unknown, value?: T) => void;

/**
 * Answers the callback, at once if the store answers at once. What the callback throws is its own, and does not make
 * it be called again.
 */
export function answer<T>(ask: () => T | Promise<T>, callback: Callback<T> | undefined): Promise<T> | undefined {
  if (callback === undefined) return answerLater(ask);
  let reply: T | Promise<T>;
  try {
    reply = ask();
  } catch (error) {
    callback(asFault(error));
    return undefined;
  }
  if (isPromise(reply)) {
    void reply.then(
      (value) => callback(null, value),
      (error: unknown) => callback(asFault(error)),
    );
  } else callback(null, reply);
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

function isPromise<T>(reply: T | Promise<T>): reply is Promise<T> {
  return typeof (reply as Partial<Promise<T>> | undefined)?.then === "function";
}
