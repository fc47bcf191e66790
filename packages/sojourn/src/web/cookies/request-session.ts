/** What a request has of its session: the interface that every adapter gives to the application. */
import type { SessionSignal } from "../../sessions/ends/abort-signal.ts";
import type { Device, Session } from "../../sessions/session.ts";
import type { CreateOptions } from "../../sessions/options.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import type { Duration } from "../../time/duration.ts";
import type { CommitTarget } from "./http-messages.ts";

/** The names of the fields of a session's data. */
export type FieldName<Data> = keyof Data & string;

/** What is flashed under a name: as the data declares a field of that name, or else anything. */
export type FlashValue<Data, Name extends string> = Name extends keyof Data ? Readonly<Data>[Name] : unknown;

/** Options of `set`. */
export interface SetOptions {
  /**
   * For how long the field can be read, from now; past it, it reads as absent. It never outlives its session.
   * A bare number is in milliseconds, and 60,000 or more.
   * @default as long as the session
   */
  readonly ttl?: Duration;
}

/** Options of `login`. */
export interface LoginOptions extends Omit<CreateOptions, "token"> {
  /** Where it is started from; `{}` to keep nothing. @default the address and the user agent of the request */
  readonly device?: NonNullable<CreateOptions["device"]>;
  /**
   * Whether the fields of the session before the login go into the new one. Fields of another user never do.
   * @default true
   */
  readonly keepFields?: boolean;
}

/** What a login has started. */
export interface Started {
  /** The new session's public handle. */
  readonly id: string;
  /** In epoch milliseconds. */
  readonly expiresAt: number;
  /**
   * The signed credential for the client to keep, where a header carries it; `undefined` where a cookie does, since
   * then no script may see it (OWASP ASVS 5.0, 3.3.4).
   */
  readonly token: string | undefined;
}

/** Options of `logout`. */
export interface LogoutOptions {
  /** Ends every session of the user, on every device. @default false */
  readonly everywhere?: boolean;
}

/** One of the sessions of a user: where they are logged in. */
export interface UserDevice {
  /** The session's public handle, for `logoutDevice`. */
  readonly id: string;
  /** Where it was started from; absent if that is not known. */
  readonly device?: Device;
  /** In epoch milliseconds. */
  readonly createdAt: number;
  /** When it was used last, in epoch milliseconds: exact to one refresh window. */
  readonly lastAccessedAt: number;
  /** In epoch milliseconds. */
  readonly expiresAt: number;
  /** Whether it is the session of this request. */
  readonly current: boolean;
}

/** Options of `commit`. */
export interface CommitOptions {
  /** The response's HTTP status. @default the target's own `statusCode`, or 200 */
  readonly status?: number;
}

/**
 * One request's session: the one that its credential proves, or an empty one, which is stored when something is set.
 *
 * Reading costs no I/O, and `set`, `delete` and `flash` are noted here and written by `commit`, once, before the
 * response's headers go out. On a synchronous store the calls that answer with a `Reply` return values, on an
 * asynchronous one promises.
 */
export interface RequestSession<Data = Record<string, unknown>, M extends Mode = Mode> {
  /** The session's public handle; `undefined` until it is stored. It is no secret, and lets nobody in. */
  readonly id: string | undefined;
  /** Whose session it is; `null` if nobody's. */
  readonly userId: string | null;
  /** Whether the request presented no live session. */
  readonly isNew: boolean;
  /** When it was started, in epoch milliseconds; `undefined` until it is stored. */
  readonly createdAt: number | undefined;
  /** The first instant at which it is no longer live, in epoch milliseconds; `undefined` until it is stored. */
  readonly expiresAt: number | undefined;
  /** Until when its user counts as just authenticated, in epoch milliseconds; `undefined` if that was never noted. */
  readonly reauthenticatedUntil: number | undefined;
  /**
   * The session that the request presented, if it is locked (`lockAfter`): until `reauthenticate`, everything else here
   * reads as if there were none.
   */
  readonly locked: Session<Data> | undefined;
  /**
   * Aborts when the session ends, wherever that happens, and when its time is up: for a download, a stream, or a job that
   * is not to outlive it. `undefined` as long as there is none. After a `login` it is the new session's.
   *
   * @throws StoreError on a synchronous store
   */
  readonly signal: SessionSignal | undefined;
  /** All fields that can be read now, with what was set in this request: a new object, which can be changed freely. */
  readonly data: Partial<Data>;

  /** Whether `commit` has nothing to write or to wait for: then it has set the headers when it returns, on every store. */
  readonly isUnchanged: boolean;

  /**
   * The session's `id`. If there is no session, an anonymous one is started and stored now, with what was set so far; the
   * commit sends its cookie.
   *
   * @throws InvalidDataError, StoreError as `create` of the manager does
   * @throws TypeError after the commit, and while the session is locked
   */
  ensureId(): Reply<M, string>;

  /** A field's value, with what was set in this request; `undefined` if it is not there, or its ttl is over. Frozen. */
  get<Name extends FieldName<Data>>(name: Name): Readonly<Data>[Name] | undefined;

  /**
   * Sets a field to a JSON value, as it is now: a later change of an object that was given does not count.
   * `undefined` deletes the field.
   *
   * @throws InvalidDataError if the value is not JSON
   * @throws TypeError after the commit, while the session is locked, or for a ttl that is not a duration
   */
  set<Name extends FieldName<Data>>(name: Name, value: Data[Name], options?: SetOptions): void;

  /** Deletes a field. @throws TypeError after the commit */
  delete(name: FieldName<Data>): void;

  /**
   * Leaves a JSON value for a later request, which can read it once. It has the type of the field of this name, if the
   * session's data declares one; the two values do not meet.
   *
   * @throws InvalidDataError if the value is not JSON
   * @throws TypeError after the commit
   */
  flash<Name extends string>(name: Name, value: FlashValue<Data, Name>): void;

  /**
   * Takes a value that an earlier request has left with `flash`: it reads once. `undefined` if there is none.
   *
   * @throws TypeError if the session was started with `readOnly`, since it could be taken again and again
   */
  takeFlash<Name extends string>(name: Name): FlashValue<Data, Name> | undefined;

  /** Whether an earlier request has left a value with `flash` that was not taken yet. It stays there. */
  hasFlash(name: string): boolean;

  /**
   * Starts a session for a user who has proved who they are. It has a new id and a new token, so that nobody who
   * knew those of before is let in (OWASP ASVS 5.0, 7.2.4). The session of before ends with the commit; if the
   * response is a 5xx, the new one ends instead.
   *
   * @param userId 1 to 1,024 characters; `null` for an anonymous session
   * @param data fields of the new session, over those that are kept
   * @throws TooManySessionsError, RevokedError, InvalidDataError, StoreError as `create` of the manager does
   * @throws TypeError after the commit
   */
  login(userId: string | null, data?: Partial<Data>, options?: LoginOptions): Reply<M, Started>;

  /**
   * Ends the session now, in the store and for every other request that holds it; the commit deletes the cookie.
   * After it, this request has an empty session, and a `set` begins another one.
   *
   * @returns whether there was a live one
   * @throws StoreError; the session may still be live, and its cookie stays
   */
  destroy(): Reply<M, boolean>;

  /**
   * A user's logout: `destroy`, with `Clear-Site-Data` if that is configured, and on request on every device.
   *
   * @returns whether there was a live one
   * @throws StoreError as `destroy` does
   */
  logout(options?: LogoutOptions): Reply<M, boolean>;

  /**
   * Where the user of this session is logged in (OWASP ASVS 5.0, 7.5.2): the one that was used last first. Empty if the
   * session is nobody's.
   *
   * @throws StoreError
   */
  devices(): Reply<M, readonly UserDevice[]>;

  /**
   * Ends every other session of the user, also those whose login has begun elsewhere, as after a change of the password
   * (OWASP ASVS 5.0, 7.4.3).
   *
   * @returns how many live ones ended
   * @throws StoreError
   */
  logoutOthers(): Reply<M, number>;

  /**
   * Ends one of the user's own sessions; this one as `destroy` does.
   *
   * @param id from `devices`. Anything else, and what is another user's, ends nothing
   * @returns whether a live one ended
   * @throws StoreError
   */
  logoutDevice(id: string): Reply<M, boolean>;

  /** Asks for a new token for the same session, at a change of privilege; the commit makes it. @throws TypeError after the commit */
  rotate(): void;

  /**
   * Notes that the user has proved to be there again, lifts a lock, and asks for a new token. The commit writes all of
   * that at once; if the response is a 5xx, none of it.
   *
   * @param options.for how long that counts, by default 5 minutes
   * @returns whether there is a live session. `false` also if another request has replaced its token meanwhile
   * @throws StoreError
   * @throws TypeError after the commit
   */
  reauthenticate(options?: { readonly for?: Duration }): Reply<M, boolean>;

  /**
   * Waits for the calls on this session that have not ended, such as a `login` that was not awaited, writes what has
   * changed, and only that, then sets the headers. If one of those calls fails, so does the commit. Call it once, before the headers go out; a second
   * call writes nothing and sets the same headers. On a 5xx nothing is written, no cookie is set, and a session that
   * began in this request ends, also if it was committed before.
   *
   * @param target a `Headers`, or a `ServerResponse` of Node
   * @returns `false` if the session had ended meanwhile, so that what was set is gone with it
   * @throws ConflictError, InvalidDataError, StoreError as `update` of the manager does. Nothing was set on the
   *   response: answer with an error, and call it again with that status, which ends a session that has begun
   */
  commit(target: CommitTarget, options?: CommitOptions): Reply<M, boolean>;
}
