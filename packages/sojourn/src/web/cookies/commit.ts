/** The commit: writes a request's changes and sets the response's headers, before the first byte is sent. */
import { run, wait, type Mode, type Reply, type Steps } from "../../store/reply.ts";
import type { Changes, Fields } from "./changes.ts";
import { setHeaders, type CommitTarget, type HeaderChanges } from "./http-messages.ts";
import { beginAnonymous, checkReserved } from "./login.ts";
import { forget, REPLACED, type RequestState } from "./request-state.ts";

/** `commit` of a request session. Where nothing is to be written, it is done when it returns. */
export function commit<Data, M extends Mode>(
  state: RequestState<Data, M>,
  target: CommitTarget,
  status: number,
): Reply<M, boolean> {
  const { mode, steps } = state.context;
  if (state.committed !== undefined && (status < 500 || !state.begun)) {
    const { headers, kept } = state.committed;
    if (headers !== undefined && status < 500 && target !== state.committed.target) setHeaders(target, headers);
    return steps.of(kept);
  }
  if (status >= 500) return run(mode, abandon(state));
  // From here on a change would be lost: the writing has begun.
  state.closed = true;
  return isIdle(state) ? steps.of(finish(state, target, true)) : run(mode, write(state, target));
}

/** Whether a commit, whatever the status, is done when it returns, on every store. */
export function isUnchanged<Data>(state: RequestState<Data, Mode>): boolean {
  return state.committed !== undefined || (isIdle(state) && !state.begun);
}

/** Whether there is nothing to write, and no call to wait for. */
function isIdle<Data>({ rotate, replaced, changes, reissue, calls }: RequestState<Data, Mode>): boolean {
  return !rotate && replaced === undefined && !reissue && (changes?.isEmpty ?? true) && (calls?.isEmpty ?? true);
}

/** Waits for the calls of the handler, ends the replaced session, writes what was set, makes a new token. Whether all that was set is kept. */
function* write<Data, M extends Mode>(state: RequestState<Data, M>, target: CommitTarget): Steps<boolean> {
  try {
    if (state.calls !== undefined) yield* wait<"async", void>(state.calls.ended());
    if (state.replaced !== undefined) yield* wait(state.context.sessions.destroy(state.replaced, REPLACED));
    state.replaced = undefined;
    let kept = true;
    if (state.changes?.isEmpty === false) kept = yield* writeChanges(state, state.changes, target);
    if (state.rotate && state.session !== undefined) kept = yield* rotate(state);
    else if (state.reissue && !state.begun && state.token !== undefined) yield* checkReissue(state, state.token);
    return finish(state, target, kept);
  } catch (error) {
    state.closed = false;
    throw error;
  }
}

/**
 * A credential that the request presented is issued again only while its token is the session's current one. Another
 * request may have logged in or rotated meanwhile, and this response, coming later, would put the old one in its place.
 */
function* checkReissue<Data, M extends Mode>(state: RequestState<Data, M>, token: string): Steps<void> {
  const explanation = yield* wait(state.context.sessions.explain(token));
  state.reissue = explanation.state === "live" && explanation.token === "current";
}

function* writeChanges<Data, M extends Mode>(
  state: RequestState<Data, M>,
  changes: Changes,
  target: CommitTarget,
): Steps<boolean> {
  const { sessions, now } = state.context;
  // What was set and deleted again leaves nothing to keep.
  if (state.session === undefined && Object.keys(changes.apply({}, now())).length === 0) return true;
  if (state.session === undefined && !state.destroyed) yield* adoptIssued(state, target);
  const before = state.session;
  if (before === undefined) {
    yield* beginAnonymous(state);
    return true;
  }
  let written: Fields = {};
  const update = (data: Data): Data => (written = changes.apply(data as Fields, now())) as Data;
  const session = yield* wait(sessions.update(before.id, update));
  if (session === undefined) {
    // It was ended meanwhile. Its cookie is left alone: the browser may already have the one of a new login.
    forget(state);
    return false;
  }
  checkReserved(written, session);
  state.changes = undefined;
  state.session = session;
  return true;
}

/**
 * An answer that was made within this one, such as to `event.fetch` of SvelteKit, may have logged in. Its cookie is in the
 * response; one of a new anonymous session, coming after it, would undo the login. So what was set here goes to its session.
 */
function* adoptIssued<Data, M extends Mode>(state: RequestState<Data, M>, target: CommitTarget): Steps<void> {
  const { carrier, context } = state;
  const credential = carrier.issued(target);
  const token = credential === undefined ? undefined : carrier.verify(credential)?.token;
  if (token === undefined) return;
  state.session = yield* wait(context.sessions.authenticate(token, { extend: false }));
  if (state.session !== undefined) state.token = token;
}

function* rotate<Data, M extends Mode>(state: RequestState<Data, M>): Steps<boolean> {
  const { sessions } = state.context;
  const { token: old = "", stepUp } = state;
  const rotated =
    stepUp === undefined
      ? yield* wait(sessions.rotate(old))
      : yield* wait(sessions.reauthenticate(old, { for: `${stepUp}ms`, rotate: true }));
  if (rotated === undefined) {
    forget(state);
    return false;
  }
  const { token, ...session } = rotated;
  state.rotate = false;
  state.stepUp = undefined;
  state.session = session;
  state.token = token;
  state.reissue = true;
  return true;
}

/** A response that failed: nothing is written, and a session that the client will never hear of ends. */
function* abandon<Data, M extends Mode>(state: RequestState<Data, M>): Steps<boolean> {
  state.closed = true;
  try {
    if (state.calls !== undefined) yield* wait<"async", void>(state.calls.ended());
  } catch {
    // The response is an error already.
  }
  const kept = !state.begun && !state.rotate && (state.changes?.isEmpty ?? true);
  const begun = state.begun ? state.session : undefined;
  state.committed = { headers: undefined, target: undefined, kept };
  if (begun === undefined) return kept;
  forget(state);
  try {
    yield* wait(state.context.sessions.destroy(begun.id));
  } catch {
    // What cannot be ended now nobody can use, and it expires.
  }
  return kept;
}

function finish<Data>(state: RequestState<Data, Mode>, target: CommitTarget, kept: boolean): boolean {
  const headers = headerChanges(state);
  state.committed = { headers, target, kept };
  if (headers !== undefined) setHeaders(target, headers);
  return kept;
}

function headerChanges<Data>(state: RequestState<Data, Mode>): HeaderChanges | undefined {
  const { carrier, session, token, context } = state;
  const { vary, varyOnly, now } = context;
  const clearSiteData = state.loggedOut ? context.clearSiteData : undefined;
  if (state.reissue && session !== undefined && token !== undefined) {
    return { ...carrier.issue(token, session, now()), clearSiteData, vary };
  }
  if (state.destroyed) {
    const setCookie = state.presented ? carrier.clearCookie : undefined;
    return { setCookie, credential: undefined, clearSiteData, vary };
  }
  return state.accessed ? varyOnly : undefined;
}
