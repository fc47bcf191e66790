/** The one place that loads `jose`, which is loaded when the first token is signed or verified. */
import type * as module from "jose";

export type Jose = typeof module;

/** @throws Error if the optional package is not installed */
export async function loadJose(): Promise<Jose> {
  try {
    return await import("jose");
  } catch (cause) {
    throw new Error("Access tokens need the package jose: npm install jose", { cause });
  }
}
