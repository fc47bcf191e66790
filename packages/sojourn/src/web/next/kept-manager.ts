/**
 * One manager for a whole process.
 *
 * Next evaluates a module several times: for the proxy, for pages and actions, for Route Handlers, for instrumentation,
 * and in the processes of a build. What is made at import is there as often, and a memory store of each would know
 * nothing of the others' sessions. So it is made when a request first needs it, and kept where all copies look.
 */
import { StoreError } from "../../errors.ts";
import { show } from "../../show.ts";
import type { Sessions } from "../../sessions/sessions.ts";
import type { Mode } from "../../store/reply.ts";
import type { CookieOptions, ConfiguredCookie } from "../cookies/cookie.ts";
import { isFault } from "../fetch/exchange.ts";

/** A manager, or what makes one when it is first needed. */
export type GivenSessions<Data, M extends Mode> =
  | Sessions<Data, M>
  | (() => Sessions<Data, M> | Promise<Sessions<Data, M>>);

interface Kept {
  /** What functions have made, by the name of the cookie. */
  readonly made: Map<string, unknown>;
  /** The memory managers that were given as they are, by the name of the cookie. */
  readonly given: Map<string, unknown>;
}

/** The same for every copy of this module, also where a bundle holds several. */
const KEPT = Symbol.for("sojourn.next.sessions");

function kept(): Kept {
  const place = globalThis as { [KEPT]?: Kept };
  return (place[KEPT] ??= { made: new Map(), given: new Map() });
}

/** @throws StoreError if what makes the manager fails: nobody is logged out because of that, and the next request tries again */
export async function keptManager<Data, M extends Mode>(
  given: GivenSessions<Data, M>,
  cookieName: string,
): Promise<Sessions<Data, M>> {
  if (typeof given !== "function") return ofOneProcess(given, cookieName);
  const { made } = kept();
  const before = made.get(cookieName) as Promise<Sessions<Data, M>> | undefined;
  if (before !== undefined) return before;
  const opening = open(given);
  made.set(cookieName, opening);
  try {
    return await opening;
  } catch (error) {
    made.delete(cookieName);
    throw error;
  }
}

async function open<Data, M extends Mode>(make: () => Sessions<Data, M> | Promise<Sessions<Data, M>>) {
  try {
    return await make();
  } catch (cause) {
    if (cause instanceof TypeError || isFault(cause)) throw cause;
    throw new StoreError("store_unavailable", "The session manager could not be made", { cause });
  }
}

/** @throws TypeError for a second manager of a memory store within Next, which would know nothing of the first's sessions */
function ofOneProcess<Data, M extends Mode>(given: Sessions<Data, M>, cookieName: string): Sessions<Data, M> {
  if (given?.guarantees?.durability !== "none" || !isNext()) return given;
  const managers = kept().given;
  const first = managers.get(cookieName) ?? given;
  managers.set(cookieName, first);
  if (first === given) return given;
  throw new TypeError(
    "Expected `sessions` to be a function, such as `sessions: () => createSessions()`, got a manager of a memory store: " +
      "Next evaluates the module several times in a process, and each would have sessions of its own",
  );
}

function isNext(): boolean {
  const { process } = globalThis as { readonly process?: { readonly env?: Readonly<Record<string, unknown>> } };
  return process?.env?.["NEXT_RUNTIME"] !== undefined;
}

/** The name that a cookie is configured with, before anything is checked; it tells the managers of one process apart. */
export function configuredName(cookie: CookieOptions | ConfiguredCookie | false | undefined): string {
  if (cookie === false) return "";
  const { name, cookieName } = (cookie ?? {}) as { readonly name?: string; readonly cookieName?: string };
  return name ?? cookieName ?? "__Host-session";
}

/** @throws TypeError for what is neither a manager nor a function */
export function checkGiven(given: unknown): void {
  if (
    typeof given === "function" ||
    typeof (given as Partial<Sessions<never, Mode>> | undefined)?.authenticate === "function"
  )
    return;
  throw new TypeError(
    `Expected \`sessions\` to be a session manager, or a function that makes one, got ${show(given)}`,
  );
}
