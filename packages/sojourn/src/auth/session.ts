/** A session as `sojourn/auth` shows it: its `id` is what the client sends back. */
import type { Session as ManagedSession } from "../sessions/session.ts";
import { isSessionId, readToken } from "../tokens/token.ts";

/** What a session may hold, unless `createAuth` is told another type. */
export interface SessionFields {
  role?: string;
  [name: string]: unknown;
}

/** The payload of a session: the caller's fields, and whose session it is, which is filled in. */
export type SessionData<Fields extends object = SessionFields> = Fields & { userId: string };

/** By what the compiler tells the two texts that a session is called by apart. Neither has such a property. */
declare const kind: unique symbol;

/** The secret that the client keeps, and that opens the session. It starts with `sess_`, and is a string in every use. */
export type SessionToken = string & { readonly [kind]: "token" };

/**
 * The public name of a session. It can be shown and logged, and ends the session, but opens nothing. It starts with
 * `sess_` too, and is a string in every use; comparing it to a token does not compile, since they never are equal.
 */
export type SessionHandle = string & { readonly [kind]: "handle" };

/** What a request may bring as its token: a header that is not there is `null`. A handle does not compile. */
export type TokenLike = (string & { readonly [kind]?: "token" }) | null | undefined;

/** A live session, as it was when it was read: plain and deeply frozen. All instants are in epoch milliseconds. */
export interface Session<Fields extends object = SessionFields, Id extends string = SessionToken> {
  /**
   * From `createSession`, `getSession`, `refreshSession` and `updateSession`: the token, which is the secret that the
   * client keeps. From `getUserSessions`: the handle.
   */
  readonly id: Id;
  /** Whose session it is. */
  readonly userId: string;
  /** The payload after a round through JSON. Its `userId` is always the session's. */
  readonly data: Readonly<SessionData<Fields>>;
  /** When it was started. */
  readonly createdAt: number;
  /** The first instant at which it is no longer live. */
  readonly expiresAt: number;
  /** When it was last extended, or else started: an access that extends nothing writes nothing. */
  readonly lastAccessedAt: number;
}

/** A session as `getUserSessions` lists it: its `id` is the handle. */
export type ListedSession<Fields extends object = SessionFields> = Session<Fields, SessionHandle>;

/** A manager's session with a user. */
export type OwnedSession<Fields extends object> = ManagedSession<SessionData<Fields>> & { readonly userId: string };

/** Whether a session is one that these calls know: another manager on the same store may start anonymous ones. */
export function isOwned<Fields extends object>(
  session: ManagedSession<SessionData<Fields>> | undefined,
): session is OwnedSession<Fields> {
  return session !== undefined && session.userId !== null;
}

/** @param id what it is to be called: its token or its handle */
export function shownSession<Fields extends object, Id extends SessionToken | SessionHandle>(
  session: OwnedSession<Fields>,
  id: Id,
): Session<Fields, Id> {
  const { userId, data, createdAt, expiresAt, lastAccessedAt } = session;
  return Object.freeze({
    id,
    userId,
    // Another manager on the same store need not write the user into the data.
    data: data.userId === userId ? data : Object.freeze({ ...data, userId }),
    createdAt,
    expiresAt,
    lastAccessedAt,
  });
}

/** The handle of a session that a text stands for. */
export interface Named {
  readonly handle: string;
  /** Whether the text is a token, whose secret has yet to be judged. */
  readonly isToken: boolean;
}

/**
 * Takes a token or a handle for what it is; `undefined` if it can be neither. No store is asked.
 *
 * @throws TypeError if it is neither a string nor `undefined` nor `null`
 */
export function named(text: string | null | undefined): Named | undefined {
  const credential = readToken(text ?? undefined);
  if (credential === undefined) return undefined;
  // Only a minted token has no hash yet. Whatever else is shaped like a handle is one.
  if (credential.hash === undefined) return { handle: credential.id, isToken: true };
  const handle = text as string;
  return isSessionId(handle) ? { handle, isToken: false } : { handle: credential.id, isToken: true };
}
