/** `createAuth`: the session calls and the token calls over one manager. */
import { sessionManager } from "../sessions/session-manager.ts";
import type { Sessions } from "../sessions/sessions.ts";
import { memoryStore } from "../store/memory-store.ts";
import type { Mode } from "../store/reply.ts";
import type { Store } from "../store/store.ts";
import { resolveAuthOptions, type AuthOptions } from "./auth-options.ts";
import type { SessionData, SessionFields } from "./session.ts";
import { sessionCalls, type SessionCalls } from "./session-calls.ts";
import { tokenCalls, type TokenCalls } from "./token-calls.ts";

/** What `createAuth` makes. Its session calls are values on a synchronous store, promises on an asynchronous one. */
export interface Auth<M extends Mode, Fields extends object = SessionFields>
  extends SessionCalls<M, Fields>, TokenCalls {
  /** The manager beneath: events, paged listings, counts, rotation, re-authentication, `explain`. */
  readonly sessions: Sessions<SessionData<Fields>, M>;
}

/**
 * Authentication over a store that is synchronous: its session calls return values.
 *
 * @example
 * ```ts
 * import { createAuth } from "sojourn/auth";
 *
 * const auth = createAuth({ jwtSecret: "an example: take 32 random bytes from your environment" });
 * const session = auth.createSession("ann", { role: "admin" });
 * const pair = await auth.signToken(session);
 * console.log((await auth.verifyToken(pair?.accessToken))?.sub); // ann
 * console.log(auth.destroySession(session.id)); // true
 * ```
 */
export function createAuth<Fields extends object = SessionFields>(options: AuthOptions<"sync">): Auth<"sync", Fields>;
/** Authentication over a store that is asynchronous: its calls return promises. */
export function createAuth<Fields extends object = SessionFields>(
  options: AuthOptions<"async"> & { readonly store: Store<"async"> },
): Auth<"async", Fields>;
/** Authentication over a store that is chosen at run time: its session calls return values or promises. */
export function createAuth<Fields extends object = SessionFields>(
  options: AuthOptions<Mode> & { readonly store: Store },
): Auth<Mode, Fields>;
/**
 * Makes the calls for sessions and access tokens.
 *
 * @throws TypeError for an option that is not what it should be; no message holds a secret or a key
 * @throws GuaranteeError if the store guarantees less than `require` asks for
 */
export function createAuth<Fields extends object>(options: AuthOptions<Mode>): Auth<Mode, Fields> {
  const resolved = resolveAuthOptions<Fields>(options);
  const { store = memoryStore() } = resolved.sessions;
  const sessions = sessionManager<SessionData<Fields>>({ ...resolved.sessions, store });
  return Object.freeze({
    ...sessionCalls<Mode, Fields>(sessions),
    ...tokenCalls<Fields>(sessions, resolved.tokens),
    sessions,
  });
}
