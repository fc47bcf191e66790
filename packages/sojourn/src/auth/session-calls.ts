/**
 * The session calls of `createAuth`, which the standalone functions share: what a session manager does, with a
 * session's token for its `id`, and `null` for absence.
 */
import { checkOptions } from "../options.ts";
import { show } from "../show.ts";
import type { Session as ManagedSession } from "../sessions/session.ts";
import type { Sessions } from "../sessions/sessions.ts";
import type { CreateOptions } from "../sessions/options.ts";
import { run, wait, type Mode, type Reply, type Steps } from "../store/reply.ts";
import { MAX_PAGE } from "../store/store.ts";
import { parseUserId } from "../tokens/token.ts";
import {
  isOwned,
  named,
  shownSession,
  type ListedSession,
  type Session,
  type SessionData,
  type SessionFields,
  type SessionHandle,
  type SessionToken,
  type TokenLike,
} from "./session.ts";

/** Fields to set; `undefined` removes one. */
export type Patch<Fields extends object> = { readonly [Name in keyof Fields]?: Fields[Name] | undefined };

/**
 * The session calls. On a synchronous store every call returns its value, on an asynchronous one a promise of it.
 *
 * A token is what `createSession` returned as `id`: the secret. A handle is what `getUserSessions` lists as `id`.
 * Where a token is needed, a handle is refused like any text that proves nothing.
 */
export interface SessionCalls<M extends Mode, Fields extends object = SessionFields> {
  /**
   * Starts a session. Its `id` is the token: give it to the client, over HTTPS, and keep it nowhere else.
   *
   * @param userId whose it is, 1 to 1,024 characters
   * @param data the payload, as JSON has it; by default nothing but the `userId`, which is always filled in
   * @throws InvalidDataError if the data is not JSON, or too large
   * @throws TooManySessionsError at the limit of `maxPerUser` with `"reject"`
   * @throws RevokedError if all sessions of this user were destroyed in between, so that nothing was started
   * @throws StoreError
   */
  createSession(userId: string, data?: Fields): Reply<M, Session<Fields>>;

  /**
   * The live session that a token proves, or `null`. When fewer than the refresh threshold's seconds are left until
   * it expires, it is extended, as `refreshSession` does.
   *
   * @param token a token, never a handle
   * @throws StoreError
   */
  getSession(token: TokenLike): Reply<M, Session<Fields> | null>;

  /**
   * Extends a live session: it expires its ttl from now, though never past its absolute lifetime. `null` if the token
   * proves none. Both are those that were configured when the session was created: a `createAuth` with others, on the
   * same store, changes neither.
   *
   * @param token a token, never a handle
   * @throws StoreError
   */
  refreshSession(token: TokenLike): Reply<M, Session<Fields> | null>;

  /**
   * Sets fields of a live session's data, and leaves the others and the expiry. `null` if the token proves none.
   * No update is lost, also when several come at once. `userId` stays what it is.
   *
   * @param token a token, never a handle
   * @throws InvalidDataError as `createSession` does
   * @throws ConflictError if others came first too often in a row; nothing was changed
   * @throws StoreError
   */
  updateSession(token: TokenLike, patch: Patch<Fields>): Reply<M, Session<Fields> | null>;

  /**
   * Ends a session for good. Whether there was a live one.
   *
   * @param tokenOrHandle either. A token has to be the session's: one with a wrong secret ends nothing. A handle is
   *   not a secret, so check that the session is the user's own before you take one from a client.
   * @throws StoreError
   */
  destroySession(tokenOrHandle: string | null | undefined): Reply<M, boolean>;

  /**
   * Ends every session of a user, also those whose creation has begun elsewhere and not yet arrived.
   *
   * @param options.except the token or the handle of a session that stays. The token is not verified: take it from a
   *   request whose session you have got.
   * @returns how many live ones ended
   * @throws TypeError if `except` is neither
   * @throws StoreError
   */
  destroyAllUserSessions(userId: string, options?: { readonly except?: string | undefined }): Reply<M, number>;

  /** The live sessions of a user, the oldest first, each with its handle as `id`: no token is in it. @throws StoreError */
  getUserSessions(userId: string): Reply<M, readonly ListedSession<Fields>[]>;

  /**
   * Frees the space of all sessions that have expired. Nothing else depends on it: an expired session is absent at
   * once, and other calls reclaim a few on their way. On a synchronous store, millions of them take seconds.
   *
   * @returns how many it removed
   * @throws StoreError
   */
  cleanupExpiredSessions(): Reply<M, number>;
}

/** What differs between `createAuth` and the standalone functions. */
export interface SessionCallsOptions<M extends Mode, Fields extends object> {
  /** The session that a token proves, extended when that is due. @default the manager's */
  readonly authenticate?: (token: string | undefined) => Reply<M, ManagedSession<SessionData<Fields>> | undefined>;
  /** The lifetimes of a session that is created now. @default the manager's */
  readonly lifetimes?: () => Pick<CreateOptions, "ttl" | "absoluteTtl">;
}

/** The session calls over a manager. */
export function sessionCalls<M extends Mode, Fields extends object>(
  sessions: Sessions<SessionData<Fields>, M>,
  options: SessionCallsOptions<M, Fields> = {},
): SessionCalls<M, Fields> {
  const { mode } = sessions;
  const { authenticate = sessions.authenticate, lifetimes } = options;
  type Managed = ManagedSession<SessionData<Fields>>;

  // Each generator is made once for a manager: making one is what costs, not running it.
  function* create(userId: string, data?: Fields): Steps<Session<Fields>> {
    const owner = parseUserId(userId);
    checkFields(data ?? {}, "the data of a session");
    const filled = { ...data, userId: owner } as SessionData<Fields>;
    const { token, ...session } = yield* wait(sessions.create(owner, filled, lifetimes?.()));
    return shownSession<Fields, SessionToken>({ ...session, userId: owner }, token as SessionToken);
  }

  function* get(token: TokenLike): Steps<Session<Fields> | null> {
    return shown(yield* wait(authenticate(token ?? undefined)), token);
  }

  function* refresh(token: TokenLike): Steps<Session<Fields> | null> {
    const session = yield* proven(token);
    return session === undefined ? null : shown(yield* wait(sessions.refresh(session.id)), token);
  }

  function* update(token: TokenLike, patch: Patch<Fields>): Steps<Session<Fields> | null> {
    checkFields(patch, "the change of a session");
    const session = yield* proven(token);
    if (session === undefined) return null;
    const { id, userId } = session;
    return shown(yield* wait(sessions.update(id, (data) => ({ ...data, ...patch, userId }))), token);
  }

  function* proven(token: TokenLike): Steps<Managed | undefined> {
    return yield* wait(sessions.authenticate(token ?? undefined, { extend: false }));
  }

  function* destroy(tokenOrHandle: string | null | undefined): Steps<boolean> {
    const target = named(tokenOrHandle);
    if (target === undefined) return false;
    if (!target.isToken) return yield* wait(sessions.destroy(target.handle));
    return yield* wait(sessions.destroyByToken(tokenOrHandle ?? undefined));
  }

  function* destroyAll(userId: string, options: { readonly except?: string | undefined } = {}): Steps<number> {
    // Misspelt, it would end the session that was to stay.
    checkOptions("destroyAllUserSessions", options, { except: true });
    const { except } = options;
    const kept = named(except);
    if (except !== undefined && kept === undefined) {
      throw new TypeError(`Expected \`except\` to be a session's token or handle, got ${show(except)}`);
    }
    return yield* wait(sessions.destroyByUser(userId, { except: kept?.handle }));
  }

  function* list(userId: string): Steps<readonly ListedSession<Fields>[]> {
    const found = yield* wait(sessions.listByUser(userId));
    return found.filter(isOwned<Fields>).map((session) => shownSession(session, session.id as SessionHandle));
  }

  return {
    createSession: (userId, data) => run(mode, create(userId, data)),
    getSession: (token) => run(mode, get(token)),
    refreshSession: (token) => run(mode, refresh(token)),
    updateSession: (token, patch) => run(mode, update(token, patch)),
    destroySession: (tokenOrHandle) => run(mode, destroy(tokenOrHandle)),
    destroyAllUserSessions: (userId, options) => run(mode, destroyAll(userId, options)),
    getUserSessions: (userId) => run(mode, list(userId)),
    cleanupExpiredSessions: () => run(mode, cleanupInSlices(sessions)),
  };
}

function* cleanupInSlices<M extends Mode>(sessions: Pick<Sessions<never, M>, "cleanup">): Steps<number> {
  for (let removed = 0; ;) {
    const found = yield* wait(sessions.cleanup({ limit: MAX_PAGE }));
    removed += found;
    if (found < MAX_PAGE) return removed;
  }
}

function shown<Fields extends object>(
  session: ManagedSession<SessionData<Fields>> | undefined,
  id: TokenLike,
): Session<Fields> | null {
  return isOwned<Fields>(session) ? shownSession(session, id as SessionToken) : null;
}

function checkFields(value: unknown, what: string): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TypeError(`Expected ${what} to be an object of fields, got ${show(value)}`);
  }
}
