/** The session manager's interface: every call, and what it answers. */
import type { Mode, Reply } from "../store/reply.ts";
import type { Begun, Guarantees, Page, Unsubscribe } from "../store/store.ts";
import type { SessionSignal } from "./ends/abort-signal.ts";
import type { Ends } from "./ends/ends.ts";
import type { SessionEnd } from "./ends/session-end.ts";
import type {
  AuthenticateOptions,
  CreateOptions,
  DestroyOptions,
  Policy,
  ReauthenticateOptions,
  RotateOptions,
} from "./options.ts";
import type { Explanation, Session, SessionEvents, SessionHead, SessionWithToken } from "./session.ts";

/**
 * What `update` does to the data: fields to set (`undefined` removes one), or the new data made from a copy of the old and
 * told its version. What the function throws is thrown by `update`, and nothing is changed.
 */
export type Change<Data> =
  | { readonly [Key in keyof Data]?: Data[Key] | undefined }
  | ((data: Data, version: number) => Data);

/**
 * A session manager. On a synchronous store every call returns its value, on an asynchronous one a promise of it.
 *
 * Absence is an answer: `undefined`, `false` or 0. A store that fails is a `StoreError`. A mistake of the program is
 * a `TypeError`. On an asynchronous store, all of them arrive as rejections.
 *
 * `Input` is what `create` takes: what the schema takes, if it says so, else `Data`.
 */
export interface Sessions<Data, M extends Mode, Input = NoInfer<Data>> {
  readonly mode: M;
  /** What the store guarantees. */
  readonly guarantees: Guarantees;
  /** The options as they were resolved, with every default. */
  readonly policy: Policy;

  /**
   * Starts a session and returns it with its token, which is shown here and never again.
   *
   * @param userId whose it is, 1 to 1,024 characters; `null` for an anonymous one
   * @param data the payload; by default `{}`
   * @throws InvalidDataError if the data is not JSON, too large, or refused by the schema
   * @throws TooManySessionsError at the limit of `maxPerUser` with `"reject"`
   * @throws RevokedError if `destroyByUser` of this user was called after it began, so that nothing was started
   * @throws StoreError
   */
  create(userId: string | null, data?: Input, options?: CreateOptions): Reply<M, SessionWithToken<Data>>;

  /**
   * The beginning of a login, to be given to `create` as `begun`. Take it before the password is checked: then a
   * `destroyByUser` that comes in while that goes on refuses the login. It asks no server, and returns at once.
   *
   * @throws StoreError
   */
  begin(): Begun;

  /**
   * The live session that a token proves, or `undefined`. Extends it when less than the refresh threshold is left.
   * A token that a rotation replaced longer ago than its grace ends the session (`reuse`).
   *
   * @param options.extend `false` to look without extending
   * @param options.allowLocked `true` to get a locked session as well, marked `locked`; it is not extended
   * @throws StoreError
   */
  authenticate(token: string | undefined, options?: AuthenticateOptions): Reply<M, Session<Data> | undefined>;

  /**
   * The live session under an id, or `undefined`. Extends nothing.
   *
   * @throws TypeError for what has not the shape of an id, such as a token; so do `refresh`, `update` and `reauthenticate`
   * @throws StoreError
   */
  get(id: string): Reply<M, Session<Data> | undefined>;

  /**
   * Extends a live session by its ttl, within its absolute lifetime, and returns it; `undefined` if there is none, or
   * it is locked.
   *
   * @throws StoreError
   */
  refresh(id: string): Reply<M, Session<Data> | undefined>;

  /**
   * Changes the data of a live session, and nothing else of it; `undefined` if there is none. No update is lost: a
   * function runs again on the fresh data when another change came first, so it must have no effects of its own. The
   * changed data is validated as a whole: a schema that transforms must also take what it has put out.
   *
   * @throws InvalidDataError as `create` does
   * @throws ConflictError if others came first too often in a row; nothing was changed
   * @throws StoreError
   */
  update(id: string, change: Change<Data>): Reply<M, Session<Data> | undefined>;

  /**
   * Gives a live session a new token; `undefined` if the token is not live. The id stays. Repeated with the same old
   * token within the grace, by any number of tabs at once, it returns the same new one; while `reauthenticatedUntil` is
   * to come, `undefined`. Do this at every change of privilege, with a grace of 0 (OWASP ASVS 5.0, 7.2.4).
   *
   * @param options.grace for how long the old token still works, by default `rotationGrace`
   * @throws ConflictError if others came first too often in a row, or if the graces of four tokens (of two, in a session
   *   from before 0.1.0) still run; nothing was changed
   * @throws StoreError
   */
  rotate(token: string | undefined, options?: RotateOptions): Reply<M, SessionWithToken<Data> | undefined>;

  /**
   * Notes that the user of a live session has proved to be there again, with a password or a passkey: the session's
   * `reauthenticatedUntil` is set, a lock is lifted, and both its lifetimes start anew (NIST SP 800-63B-4, 5.2).
   * `undefined` if there is none. A token in its grace sees nothing of it, and cannot be exchanged for the current one
   * while it counts, nor ever if it was replaced before.
   *
   * @param options.for how long that counts, by default 5 minutes
   * @throws ConflictError if others came first too often in a row; nothing was changed
   * @throws StoreError
   */
  reauthenticate(
    id: string,
    options?: ReauthenticateOptions & { readonly rotate?: false },
  ): Reply<M, Session<Data> | undefined>;
  /**
   * The same for the session of a token, which gets a new one in the same write: both are done, or neither. The old
   * token works no longer (OWASP ASVS 5.0, 7.2.4): for `rotationGrace` it is refused, then its use is theft. `undefined` also for a
   * token in its grace.
   *
   * @param options.rotate `true`
   * @throws ConflictError as `rotate` does
   * @throws StoreError
   */
  reauthenticate(
    token: string | undefined,
    options: ReauthenticateOptions & { readonly rotate: true },
  ): Reply<M, SessionWithToken<Data> | undefined>;

  /**
   * Ends a session for good (`logout`). Whether there was a live one.
   *
   * @param options.reason `"replaced"` to report that a login has taken its place
   * @throws TypeError for what has not the shape of an id, such as a token: `destroyByToken` takes one
   * @throws StoreError
   */
  destroy(id: string, options?: DestroyOptions): Reply<M, boolean>;

  /**
   * Ends the session of a token for good, as `destroy` does: once it has resolved, no call on any node yields the session.
   * A token in its grace ends it as well. A former one is theft (`reuse`), which ends it too. A wrong secret ends nothing.
   *
   * @returns whether there was a live one
   * @throws StoreError
   */
  destroyByToken(token: string | undefined): Reply<M, boolean>;

  /**
   * Ends every session of a user (`revoked`), also those whose creation has begun anywhere and not yet arrived.
   *
   * @param options.except the id of a session that stays
   * @returns how many live ones ended
   * @throws StoreError
   */
  destroyByUser(userId: string, options?: { readonly except?: string | undefined }): Reply<M, number>;

  /**
   * The live sessions of a user, all of them, the oldest first. On a synchronous store the process does nothing else
   * meanwhile: a user who may have thousands is listed by pages.
   *
   * @throws StoreError
   */
  listByUser(userId: string): Reply<M, readonly Session<Data>[]>;
  /**
   * The live sessions of a user, a page at a time, in the store's order.
   *
   * @param page.after the `next` of the page before
   * @param page.limit 1 to 1,000, by default 100; a page may hold fewer although `next` says that there are more
   * @throws StoreError
   */
  listByUser(
    userId: string,
    page: { readonly after?: string | undefined; readonly limit?: number },
  ): Reply<M, Page<Session<Data>>>;

  /**
   * The live sessions, a page at a time, in the store's order.
   *
   * @param options.after the `next` of the page before
   * @param options.limit 1 to 1,000, by default 100; a page may hold fewer although `next` says that there are more
   * @throws StoreError
   */
  list(options?: { readonly after?: string | undefined; readonly limit?: number }): Reply<M, Page<SessionHead>>;

  /** How many sessions are live, without a scan. @throws StoreError */
  count(): Reply<M, number>;

  /**
   * Frees the space of sessions that have expired, and reports their ends. Nothing depends on it but space and the
   * time of those reports. Call it again while it returns `limit`.
   *
   * @param options.limit how many at most, 1 to 1,000, by default 250: a slice too small to be felt
   * @returns how many it removed
   * @throws StoreError
   */
  cleanup(options?: { readonly limit?: number }): Reply<M, number>;

  /** Why a token is or is not live, for operators; it changes nothing. @throws StoreError */
  explain(token: string): Reply<M, Explanation>;

  /**
   * A signal that aborts when a session ends: whoever ends it, in this process or another, and when its time is up. Its
   * `reason` is a `SessionEndedError`. As long as the session lives, every call for it returns the same signal, except for
   * an adopted token on an asynchronous store: another session may have followed under its id.
   *
   * Over a session that is gone, it is aborted: at once on a synchronous store, else as soon as the store has said so.
   * What nobody can know for longer than `ends.maxStale` counts as ended, with the reason `lost`.
   *
   * @throws TypeError for what has not the shape of an id, such as a token
   * @throws StoreError on a synchronous store; on an asynchronous one it is asked again
   */
  signal(id: string): SessionSignal;

  /**
   * Calls back once, when a session ends: as `signal`, with the reason and the session. Of a session that is gone it is
   * told soon, never before the call has returned. Returns how to stop that.
   *
   * @throws as `signal` does
   */
  watch(id: string, listener: (end: SessionEnd) => unknown): Unsubscribe;

  /** What is known here of the sessions that are watched. */
  readonly ends: Ends;

  /**
   * Calls back with every end of a session, whichever process ended it, once in each process that listens. Ends from before
   * the call, and those of a time in which the store could not be reached, are not told. While anybody listens, sessions
   * whose time is up are removed every second, as by `cleanup`, so that their ends are told; `at` is then the instant of
   * the removal, and `session.expiresAt` that of the end. Returns how to stop that.
   *
   * @throws GuaranteeError for a store that cannot tell (`guarantees.removalsMs` is `Infinity`)
   */
  on(
    type: "ended",
    listener: (event: SessionEvents<Data>["ended"]) => unknown,
    options: { readonly everywhere: true },
  ): Unsubscribe;
  /**
   * Calls back after something has happened in this manager, within the call that it is about. Returns how to stop
   * that. What a listener throws, or rejects with, harms no call: `onListenerError` is told.
   */
  on<Type extends keyof SessionEvents<Data>>(
    type: Type,
    listener: (event: SessionEvents<Data>[Type]) => unknown,
    options?: { readonly everywhere?: false },
  ): Unsubscribe;

  /** Whether anybody listens to a type of event. */
  listens(type: keyof SessionEvents<Data>): boolean;
}
