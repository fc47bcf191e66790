/** The `ends` of a manager, for a bundle that has nothing of it otherwise. */
import { EndsRegistry } from "./ends-registry.ts";
import { resolveEnds, type EndsOptions } from "./ends-options.ts";
import type { SessionEnds } from "./ends.ts";

/**
 * Makes the `ends` of `createSessions` in `sojourn/core`. `createSessions` of `sojourn` takes the options themselves.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn";
 * import { createSessions, sessionEnds } from "sojourn/core";
 *
 * const sessions = createSessions({ store: memoryStore(), ends: sessionEnds({ maxStale: "2s" }) });
 * const { id } = sessions.create("ann");
 * sessions.watch(id, ({ reason }) => console.log(reason)); // logout
 * sessions.destroy(id);
 * ```
 * @throws TypeError for an option that is not known, or not what it should be
 */
export function sessionEnds(options: EndsOptions = {}): SessionEnds {
  if (isMade(options)) return options;
  const resolved = resolveEnds(options);
  return Object.freeze({
    ...resolved,
    start: (context: Parameters<SessionEnds["start"]>[0]) => new EndsRegistry(context, resolved),
  });
}

function isMade(options: EndsOptions): options is SessionEnds {
  return typeof (options as Partial<SessionEnds> | null)?.start === "function";
}
