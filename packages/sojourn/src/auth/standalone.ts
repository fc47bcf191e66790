/**
 * The session calls as functions, for a program with one kind of session. They share one manager, in memory, which
 * is made at the first call: the one module state of the library. Each does what the call of the same name of
 * `createAuth` does; the configuration is `setSessionConfig`'s.
 */
import type { ListedSession, Session, SessionFields, TokenLike } from "./session.ts";
import type { Patch } from "./session-calls.ts";
import type { SessionConfig, SessionConfigChanges } from "./configured-sessions.ts";
import { configuredSessions, type ConfiguredSessions } from "./configured-sessions.ts";

let made: ConfiguredSessions | undefined;

function shared(): ConfiguredSessions {
  made ??= configuredSessions();
  return made;
}

/**
 * Changes the configuration; a field that is not given stays as it is. What counts for sessions that already exist
 * stands with each field.
 *
 * @example
 * ```ts
 * import { getSessionConfig, setSessionConfig } from "sojourn/auth";
 *
 * setSessionConfig({ ttl: 7_200 }); // seconds
 * console.log(getSessionConfig().ttl); // 7200
 * ```
 * @throws TypeError for a field that is unknown, or not what it should be; nothing was changed
 */
export function setSessionConfig(changes: SessionConfigChanges): void {
  shared().setSessionConfig(changes);
}

/**
 * The configuration as it is, with every default; frozen.
 *
 * @example
 * ```ts
 * import { getSessionConfig } from "sojourn/auth";
 *
 * console.log(getSessionConfig().ttl > 0); // true
 * ```
 */
export function getSessionConfig(): SessionConfig {
  return shared().getSessionConfig();
}

/**
 * Starts a session. Its `id` is the token: give it to the client, over HTTPS, and keep it nowhere else.
 *
 * @example
 * ```ts
 * import { createSession } from "sojourn/auth";
 *
 * const session = createSession("ann", { role: "admin" });
 * console.log(session.data.role, session.id.startsWith("sess_")); // admin true
 * ```
 * @param userId whose it is, 1 to 1,024 characters
 * @param data the payload, as JSON has it; by default nothing but the `userId`, which is always filled in
 * @throws InvalidDataError if the data is not JSON, or too large
 * @throws StoreError `store_full` when memory holds as many sessions as it may
 */
export function createSession(userId: string, data?: SessionFields): Session {
  return shared().createSession(userId, data);
}

/**
 * The live session that a token proves, or `null`. When fewer than `refreshThreshold` seconds are left until it
 * expires, it is extended, as `refreshSession` does.
 *
 * @example
 * ```ts
 * import { createSession, getSession } from "sojourn/auth";
 *
 * const { id } = createSession("ann");
 * console.log(getSession(id)?.userId); // ann
 * console.log(getSession("no token")); // null
 * ```
 * @param token a token, never a handle
 */
export function getSession(token: TokenLike): Session | null {
  return shared().getSession(token);
}

/**
 * Extends a live session: it expires its ttl from now, though never more than 30 days (or its ttl, if that is longer)
 * after it was created. `null` if the token proves none. The ttl is the one that was configured when it was created.
 *
 * @example
 * ```ts
 * import { createSession, refreshSession } from "sojourn/auth";
 *
 * const session = createSession("ann");
 * console.log((refreshSession(session.id)?.expiresAt ?? 0) >= session.expiresAt); // true
 * ```
 * @param token a token, never a handle
 */
export function refreshSession(token: TokenLike): Session | null {
  return shared().refreshSession(token);
}

/**
 * Sets fields of a live session's data, and leaves the others and the expiry. `null` if the token proves none.
 *
 * @example
 * ```ts
 * import { createSession, updateSession } from "sojourn/auth";
 *
 * const { id } = createSession("ann", { page: "/" });
 * console.log(updateSession(id, { page: "/dashboard" })?.data.page); // /dashboard
 * ```
 * @param token a token, never a handle
 * @throws InvalidDataError if the data is not JSON, or too large
 */
export function updateSession(token: TokenLike, patch: Patch<SessionFields>): Session | null {
  return shared().updateSession(token, patch);
}

/**
 * Ends a session for good. Whether there was a live one.
 *
 * @example
 * ```ts
 * import { createSession, destroySession, getSession } from "sojourn/auth";
 *
 * const { id } = createSession("ann");
 * console.log(destroySession(id), getSession(id)); // true null
 * ```
 * @param tokenOrHandle either. A handle is not a secret, so check that the session is the user's own before you take
 *   one from a client.
 */
export function destroySession(tokenOrHandle: string | null | undefined): boolean {
  return shared().destroySession(tokenOrHandle);
}

/**
 * Ends every session of a user.
 *
 * @example
 * ```ts
 * import { createSession, destroyAllUserSessions } from "sojourn/auth";
 *
 * const here = createSession("ann of the example");
 * createSession("ann of the example");
 * console.log(destroyAllUserSessions("ann of the example", { except: here.id })); // 1
 * ```
 * @param options.except the token or the handle of a session that stays. The token is not verified: take it from a
 *   request whose session you have got.
 * @returns how many live ones ended
 */
export function destroyAllUserSessions(userId: string, options?: { readonly except?: string | undefined }): number {
  return shared().destroyAllUserSessions(userId, options);
}

/**
 * The live sessions of a user, the oldest first, each with its handle as `id`: no token is in it.
 *
 * @example
 * ```ts
 * import { createSession, getUserSessions } from "sojourn/auth";
 *
 * const { id } = createSession("ann of another example");
 * const [listed] = getUserSessions("ann of another example");
 * console.log(listed?.userId, String(listed?.id) === String(id)); // ann of another example false
 * ```
 */
export function getUserSessions(userId: string): readonly ListedSession[] {
  return shared().getUserSessions(userId);
}

/**
 * Frees the space of all sessions that have expired. Nothing else depends on it: an expired session is absent at
 * once, and other calls reclaim a few on their way. Millions of them take seconds.
 *
 * @example
 * ```ts
 * import { cleanupExpiredSessions } from "sojourn/auth";
 *
 * console.log(cleanupExpiredSessions()); // 0
 * ```
 * @returns how many it removed
 */
export function cleanupExpiredSessions(): number {
  return shared().cleanupExpiredSessions();
}
