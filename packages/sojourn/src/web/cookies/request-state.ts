/** What is known of one request's session, between its start and its commit. */
import type { DestroyOptions } from "../../sessions/options.ts";
import type { Session, SessionWithToken } from "../../sessions/session.ts";
import { wait, type Mode, type Steps } from "../../store/reply.ts";
import type { Carrier } from "./carrier.ts";
import type { CallQueue } from "./call-queue.ts";
import type { Changes, Fields } from "./changes.ts";
import type { CommitTarget, HeaderChanges, IncomingRequest } from "./http-messages.ts";
import type { Verified } from "./signer.ts";
import type { WebContext } from "./web-context.ts";

export interface RequestState<Data, M extends Mode> {
  readonly context: WebContext<Data, M>;
  readonly request: IncomingRequest;
  /** Where it came from, if the adapter knows better than the socket. */
  readonly address: string | undefined | (() => string | undefined);
  /** The carrier of what the request presented, or else the one that a new session goes by. */
  readonly carrier: Carrier;
  readonly presented: boolean;
  /** The credential that the request presented, if it is right, whether or not its session is live. */
  readonly verified: Verified | undefined;
  /** Whether nothing may be changed, since nothing can be sent back. */
  readonly readOnly: boolean;
  readonly isNew: boolean;
  session: Session<Data> | undefined;
  token: string | undefined;
  /** The session that the request presented, if it is locked; then there is no other. */
  locked: Session<Data> | undefined;
  changes: Changes | undefined;
  /** The calls that the commit waits for, once there was one on an asynchronous store. */
  calls: CallQueue | undefined;
  /** The id of the session that a login in this request replaces. */
  replaced: string | undefined;
  /** Whether the session began in this request. */
  begun: boolean;
  /** Whether the client is to be issued its credential again: the session began, was extended, or an old key has signed it. */
  reissue: boolean;
  /** Whether a new token was asked for. */
  rotate: boolean;
  /** For how long the user counts as just authenticated, in milliseconds; `undefined` if that was not proved here. */
  stepUp: number | undefined;
  destroyed: boolean;
  loggedOut: boolean;
  /** Whether the application has accessed the session, so that its answer depends on it. */
  accessed: boolean;
  /** Whether it is too late for changes. */
  closed: boolean;
  committed: Committed | undefined;
}

/** What a commit has made. */
export interface Committed {
  readonly headers: HeaderChanges | undefined;
  /** Where they were set. */
  readonly target: CommitTarget | undefined;
  /** Whether all that was set is kept. */
  readonly kept: boolean;
}

/** What is known of a request, whatever its session is. */
export type Presented<Data, M extends Mode> = Pick<
  RequestState<Data, M>,
  "context" | "request" | "address" | "carrier" | "presented" | "verified" | "readOnly"
>;

/** The session that `start` has found. */
export type Resumed<Data> = Pick<RequestState<Data, Mode>, "session" | "token" | "reissue">;

export function requestState<Data, M extends Mode>(
  { context, request, address, carrier, presented, verified, readOnly }: Presented<Data, M>,
  { session, token, reissue }: Resumed<Data>,
): RequestState<Data, M> {
  const isLocked = session?.locked === true;
  return {
    context,
    request,
    address,
    carrier,
    presented,
    verified,
    readOnly,
    isNew: session === undefined || isLocked,
    session: isLocked ? undefined : session,
    token,
    locked: isLocked ? session : undefined,
    changes: undefined,
    calls: undefined,
    replaced: undefined,
    begun: false,
    reissue: reissue && !isLocked,
    rotate: false,
    stepUp: undefined,
    destroyed: false,
    loggedOut: false,
    accessed: false,
    closed: false,
    committed: undefined,
  };
}

const NO_FIELDS: Fields = Object.freeze({});

/** The stored fields. */
export function storedFields<Data>(state: RequestState<Data, Mode>): Fields {
  return (state.session?.data as Fields | undefined) ?? NO_FIELDS;
}

/** @throws TypeError if the session was started with `readOnly` */
export function checkWritable<Data>(state: RequestState<Data, Mode>): void {
  if (!state.readOnly) return;
  throw new TypeError("The session was started with `readOnly: true`, so it can be read, and not be changed");
}

/** @throws TypeError once the commit has begun, or if the session was started with `readOnly` */
export function checkOpen<Data>(state: RequestState<Data, Mode>): void {
  checkWritable(state);
  if (!state.closed) return;
  throw new TypeError("The session was committed with the response's headers: a change has to come before them");
}

/**
 * Takes a new session for the present one. The one that the request presented ends with the commit, so that a login
 * whose response fails has changed nothing; one that began in this very request is known to nobody, and ends now.
 */
export function* replaceBy<Data, M extends Mode>(
  state: RequestState<Data, M>,
  { token, ...session }: SessionWithToken<Data>,
): Steps<void> {
  const before = state.session ?? state.locked;
  const wasBegun = state.begun;
  if (!wasBegun) state.replaced = before?.id;
  state.locked = undefined;
  state.session = session;
  state.token = token;
  state.begun = true;
  state.reissue = true;
  state.rotate = false;
  state.stepUp = undefined;
  if (wasBegun && before !== undefined) yield* wait(state.context.sessions.destroy(before.id, REPLACED));
}

/** How a session ends whose place a login has taken. */
export const REPLACED: DestroyOptions = Object.freeze({ reason: "replaced" as const });

/** The session is gone, or was never to be told of. */
export function forget<Data>(state: RequestState<Data, Mode>): void {
  state.session = undefined;
  state.locked = undefined;
  state.token = undefined;
  state.changes = undefined;
  state.begun = false;
  state.reissue = false;
  state.rotate = false;
  state.stepUp = undefined;
}
