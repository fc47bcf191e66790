import { setTimeout as pause } from "node:timers/promises";

/** How long anything of a server's may take, in milliseconds. */
const PATIENCE = 25_000;

/**
 * Asks again until it is so. A question that throws is a no.
 *
 * @throws Error that says what did not come, with the last fault
 */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + PATIENCE;
  let cause: unknown;
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > end) throw new Error(`Waited ${PATIENCE} ms for ${what}`, { cause });
    await pause(10);
  }
}
