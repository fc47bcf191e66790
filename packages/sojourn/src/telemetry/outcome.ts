/** How a call went, in both modes, without standing in its way. */
import type { Mode, Reply } from "../store/reply.ts";

/** The answer of a call, or the kind of what it threw. */
export type Outcome<T> = { readonly value: T } | { readonly fault: string };

/** Makes a call, and reports how it went once it has answered. The answer, or what was thrown, stays the same. */
export function settled<M extends Mode, T>(
  mode: M,
  call: () => Reply<M, T>,
  report: (outcome: Outcome<T>) => void,
): Reply<M, T> {
  const failed = (error: unknown): never => {
    report({ fault: kindOf(error) });
    throw error;
  };
  const answered = (value: T): T => {
    report({ value });
    return value;
  };
  if (mode === "async") return (call() as Promise<T>).then(answered, failed) as Reply<M, T>;
  let value: T;
  try {
    value = call() as T;
  } catch (error) {
    return failed(error);
  }
  return answered(value) as Reply<M, T>;
}

/** What `error.type` says: a code of this library's where there is one, else the error's name. Never its message. */
function kindOf(error: unknown): string {
  const { code, name } = Object(error) as { readonly code?: unknown; readonly name?: unknown };
  if (typeof code === "string") return code;
  return typeof name === "string" ? name : "_OTHER";
}
