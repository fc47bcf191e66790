/** What is known of one request's session, between its start and its commit. */
import type { Session, SessionWithToken } from "../../sessions/session.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import type { Carrier } from "./carrier.ts";
import type { Changes, Fields } from "./changes.ts";
import type { Floor } from "./floor.ts";
import type { IncomingRequest } from "./incoming-request.ts";
import type { CommitTarget, HeaderChanges } from "./response-headers.ts";

export interface RequestState<Data, M extends Mode> {
  readonly floor: Floor<Data, M>;
  readonly request: IncomingRequest;
  /** The carrier of what the request presented, or else the one that a new session goes by. */
  readonly carrier: Carrier;
  readonly presented: boolean;
  readonly isNew: boolean;
  session: Session<Data> | undefined;
  token: string | undefined;
  /** The session that the request brought, if it is locked; then there is no other. */
  locked: Session<Data> | undefined;
  changes: Changes | undefined;
  /** The id of the session that a login in this request replaces. */
  replaced: string | undefined;
  /** Whether the session began in this request. */
  begun: boolean;
  /** Whether the client needs its credential anew: the session began, was extended, or an old key has signed it. */
  handAnew: boolean;
  /** Whether a new token was asked for. */
  rotate: boolean;
  destroyed: boolean;
  loggedOut: boolean;
  /** Whether the application has looked at the session, so that its answer depends on it. */
  seen: boolean;
  /** Whether it is too late for changes. */
  sealed: boolean;
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

/** What `start` has found. */
export type Brought<Data, M extends Mode> = Pick<
  RequestState<Data, M>,
  "floor" | "request" | "carrier" | "presented" | "session" | "token" | "handAnew"
>;

export function requestState<Data, M extends Mode>(brought: Brought<Data, M>): RequestState<Data, M> {
  const { session } = brought;
  const isLocked = session?.locked === true;
  return {
    floor: brought.floor,
    request: brought.request,
    carrier: brought.carrier,
    presented: brought.presented,
    isNew: session === undefined || isLocked,
    session: isLocked ? undefined : session,
    token: brought.token,
    locked: isLocked ? session : undefined,
    changes: undefined,
    replaced: undefined,
    begun: false,
    handAnew: brought.handAnew && !isLocked,
    rotate: false,
    destroyed: false,
    loggedOut: false,
    seen: false,
    sealed: false,
    committed: undefined,
  };
}

const NO_FIELDS: Fields = Object.freeze({});

/** The stored fields. */
export function storedFields<Data>(state: RequestState<Data, Mode>): Fields {
  return (state.session?.data as Fields | undefined) ?? NO_FIELDS;
}

/**
 * Takes a new session for the present one. The one that the request brought ends with the commit, so that a login
 * whose response fails has changed nothing; one that began in this very request is known to nobody, and ends now.
 */
export function replaceBy<Data, M extends Mode>(
  state: RequestState<Data, M>,
  { token, ...session }: SessionWithToken<Data>,
): Reply<M, unknown> {
  const { steps, sessions } = state.floor;
  const before = state.session ?? state.locked;
  const wasBegun = state.begun;
  if (!wasBegun) state.replaced = before?.id;
  state.locked = undefined;
  state.session = session;
  state.token = token;
  state.begun = true;
  state.handAnew = true;
  state.rotate = false;
  return wasBegun && before !== undefined ? sessions.destroy(before.id) : steps.of(undefined);
}

/** The session is gone, or was never to be told of. */
export function forget<Data>(state: RequestState<Data, Mode>): void {
  state.session = undefined;
  state.locked = undefined;
  state.token = undefined;
  state.changes = undefined;
  state.begun = false;
  state.handAnew = false;
  state.rotate = false;
}
