/** What a session is, for whoever uses the library. */

/** Where a session was started from, as the application reports it. */
export interface Device {
  /** At most 64 characters are kept. */
  readonly ip?: string;
  /** At most 256 characters are kept. */
  readonly userAgent?: string;
}

/** A session without its data: what listings and `ended` events hold. It has nothing secret in it. */
export interface SessionHead {
  /** The public handle: `sess_` and 22 or 43 characters. It stays the same for the session's whole life. */
  readonly id: string;
  /** Whose session it is; `null` for an anonymous one. */
  readonly userId: string | null;
  /** When it was started, in epoch milliseconds. */
  readonly createdAt: number;
  /** When its expiry was last moved, in epoch milliseconds: exact to one refresh window. */
  readonly lastAccessedAt: number;
  /** The first instant at which it is no longer live, in epoch milliseconds. Never after `absoluteExpiresAt`. */
  readonly expiresAt: number;
  /** The instant that no activity extends `expiresAt` beyond, in epoch milliseconds. */
  readonly absoluteExpiresAt: number;
  /** Counts the changes of its data: 1, 2, 3 … */
  readonly version: number;
  /**
   * Until when its user counts as just authenticated, in epoch milliseconds; absent if that was never noted, and for
   * whoever presents a token in its grace.
   */
  readonly reauthenticatedUntil?: number;
  readonly device?: Device;
}

/** A live session, as it was when it was read: plain and deeply frozen. */
export interface Session<Data = Record<string, unknown>> extends SessionHead {
  /** The caller's payload, after a round through JSON. */
  readonly data: Readonly<Data>;
  /** Present, and `true`, on a locked session that `authenticate` was asked for with `allowLocked`. */
  readonly locked?: true;
}

/** A session together with its token, which is shown here and never again. */
export interface SessionWithToken<Data = Record<string, unknown>> extends Session<Data> {
  /** The secret for the client to keep. */
  readonly token: string;
}

/**
 * Why a session ended.
 *
 * - `logout`: `destroy`
 * - `expired-idle`, `expired-absolute`: its time was up
 * - `revoked`: `destroyByUser`
 * - `replaced`: a login that took its place: with the same adopted token, or in the same browser
 * - `evicted`: `maxPerUser`, or a store that was full
 * - `reuse`: an old token was used after a rotation's grace, which is theft
 */
export type EndReason = "logout" | "expired-idle" | "expired-absolute" | "revoked" | "replaced" | "evicted" | "reuse";

/**
 * Why a token that was presented to `authenticate`, `rotate` or `reauthenticate` let nobody in.
 *
 * - `malformed`: it cannot be a token
 * - `unknown`: there is no live session under its id
 * - `wrong-secret`: there is one, and this is not its secret
 * - `reuse`: it was replaced longer ago than the grace; the session ended with it
 * - `replaced`: it is in its grace, which does not reach to a re-authentication, or to the token made by one; or it was
 *   replaced without a grace, within the last `rotationGrace`
 * - `locked`: its session waits for a re-authentication
 */
export type RejectionReason = "malformed" | "unknown" | "wrong-secret" | "reuse" | "replaced" | "locked";

/** What happened to a session. `at` is in epoch milliseconds. */
export interface SessionEvents<Data> {
  readonly created: { readonly session: Session<Data>; readonly at: number };
  /**
   * Its expiry was moved, by `refresh` or by an authentication inside the refresh threshold. `session` is the very
   * object that the call returns, so that a listener can tell which calls have extended.
   */
  readonly refreshed: { readonly session: Session<Data>; readonly at: number };
  /** Its data was changed. */
  readonly updated: { readonly session: Session<Data>; readonly at: number };
  /** It was given a new token. */
  readonly rotated: { readonly session: Session<Data>; readonly at: number };
  /** Its user has proved to be there again. */
  readonly reauthenticated: { readonly session: Session<Data>; readonly at: number };
  /** It ended; reported once, by the call that removed it. `at` is when that was, also where its time was up before. */
  readonly ended: { readonly session: SessionHead; readonly reason: EndReason; readonly at: number };
  /**
   * A token was presented, and let nobody in. `id` names the session that it was tried on. It is `null` for what is
   * malformed, and for an unknown token that is not of the minted shape, whose id would be its hash.
   */
  readonly rejected: { readonly id: string | null; readonly reason: RejectionReason; readonly at: number };
  /** A change of a session came second to another one, and is made anew on what that one has left. */
  readonly conflicted: { readonly id: string; readonly at: number };
}

/** Why a token is, or is not, a live session's: for operators and their tools, not for clients. */
export type Explanation =
  | {
      readonly state: "live";
      readonly session: SessionHead;
      /** How many milliseconds are left until it expires if it is not used. */
      readonly idleLeft: number;
      /** How many milliseconds are left until it expires whatever happens. */
      readonly absoluteLeft: number;
      /** Whether the token is the current one, or one that a rotation has replaced and whose grace still runs. */
      readonly token: "current" | "replaced";
      /** Whether it waits for a re-authentication. */
      readonly locked: boolean;
    }
  | {
      readonly state: "expired";
      readonly reason: "expired-idle" | "expired-absolute";
      readonly at: number;
      readonly id: string;
    }
  | {
      readonly state: "replaced-token";
      readonly id: string;
      /** When its grace ended; absent if that is not kept any more. */
      readonly graceEndedAt?: number;
    }
  | { readonly state: "wrong-secret"; readonly id: string }
  | { readonly state: "malformed" }
  | { readonly state: "unknown-or-ended" };
