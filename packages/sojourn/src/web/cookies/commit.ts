/** What happens between a handler's last word and the response's first byte. */
import { InvalidDataError } from "../../errors.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import { hasReserved, RESERVED, type Fields } from "./changes.ts";
import { recover } from "./floor.ts";
import { forget, replaceBy, type RequestState } from "./request-state.ts";
import { setHeaders, type CommitTarget, type HeaderChanges } from "./response-headers.ts";

/** `commit` of a request session. */
export function commit<Data, M extends Mode>(
  state: RequestState<Data, M>,
  target: CommitTarget,
  status: number,
): Reply<M, boolean> {
  const { mode, steps } = state.floor;
  if (state.committed !== undefined) {
    const { headers, kept } = state.committed;
    if (headers !== undefined && status < 500 && target !== state.committed.target) setHeaders(target, headers);
    return steps.of(kept);
  }
  if (status >= 500) return abandon(state);
  // From here on a change would be lost: the writing has begun.
  state.sealed = true;
  if (!hasWork(state)) return steps.of(finish(state, target, true));
  return recover(
    mode,
    () => steps.chain(write(state), (kept) => steps.of(finish(state, target, kept))),
    (error) => {
      state.sealed = false;
      throw error;
    },
  );
}

/** Whether a commit, whatever the status, is done when it returns, on every store. */
export function isUnchanged<Data>(state: RequestState<Data, Mode>): boolean {
  return state.committed !== undefined || (!hasWork(state) && !state.begun);
}

function hasWork<Data>({ rotate, replaced, changes, handAnew }: RequestState<Data, Mode>): boolean {
  return rotate || replaced !== undefined || handAnew || (changes !== undefined && !changes.isEmpty);
}

/** Ends the replaced session, writes what was set, makes a new token. Whether all that was set is kept. */
function write<Data, M extends Mode>(state: RequestState<Data, M>): Reply<M, boolean> {
  const { steps, sessions } = state.floor;
  const { replaced } = state;
  const ended = replaced === undefined ? steps.of(true) : sessions.destroy(replaced);
  return steps.chain(ended, () => {
    state.replaced = undefined;
    return steps.chain(writeChanges(state), (kept) =>
      state.rotate && state.session !== undefined ? rotate(state) : checkHandover(state, kept),
    );
  });
}

/**
 * A credential that the request brought is handed back only while its token is the session's current one. Another
 * request may have logged in or rotated meanwhile, and this response, coming later, would put the old one in its place.
 */
function checkHandover<Data, M extends Mode>(state: RequestState<Data, M>, kept: boolean): Reply<M, boolean> {
  const { steps, sessions } = state.floor;
  if (!state.handAnew || state.begun || state.token === undefined) return steps.of(kept);
  return steps.chain(sessions.explain(state.token), (explanation) => {
    state.handAnew = explanation.state === "live" && explanation.token === "current";
    return steps.of(kept);
  });
}

function writeChanges<Data, M extends Mode>(state: RequestState<Data, M>): Reply<M, boolean> {
  const { steps, sessions, now } = state.floor;
  const { changes, session: before } = state;
  if (changes === undefined || changes.isEmpty) return steps.of(true);
  if (before === undefined) return beginAnonymous(state, changes.apply({}, now()));
  let written: Fields = {};
  const update = (data: Data): Data => (written = changes.apply(data as Fields, now())) as Data;
  return steps.chain(sessions.update(before.id, update), (session) => {
    if (session === undefined) {
      // It was ended meanwhile. Its cookie is left alone: the browser may already have the one of a new login.
      forget(state);
      return steps.of(false);
    }
    checkReserved(written, session);
    state.changes = undefined;
    state.session = session;
    return steps.of(true);
  });
}

function beginAnonymous<Data, M extends Mode>(state: RequestState<Data, M>, fields: Fields): Reply<M, boolean> {
  const { steps, sessions } = state.floor;
  // What was set and deleted again leaves nothing to keep.
  if (Object.keys(fields).length === 0) return steps.of(true);
  return steps.chain(sessions.create(null, fields as Data), (created) => {
    state.changes = undefined;
    return steps.chain(replaceBy(state, created), () => {
      checkReserved(fields, created);
      return steps.of(true);
    });
  });
}

function rotate<Data, M extends Mode>(state: RequestState<Data, M>): Reply<M, boolean> {
  const { steps, sessions } = state.floor;
  return steps.chain(sessions.rotate(state.token), (rotated) => {
    if (rotated === undefined) {
      forget(state);
      return steps.of(false);
    }
    const { token, ...session } = rotated;
    state.rotate = false;
    state.session = session;
    state.token = token;
    state.handAnew = true;
    return steps.of(true);
  });
}

/** A response that failed: nothing is written, and a session that the client will never hear of ends. */
function abandon<Data, M extends Mode>(state: RequestState<Data, M>): Reply<M, boolean> {
  const { steps, sessions, mode } = state.floor;
  const kept = !state.begun && !state.rotate && (state.changes?.isEmpty ?? true);
  const begun = state.begun ? state.session : undefined;
  state.sealed = true;
  state.committed = { headers: undefined, target: undefined, kept };
  if (begun === undefined) return steps.of(kept);
  forget(state);
  // The response is an error already. What cannot be ended now nobody can use, and it expires.
  return recover(
    mode,
    () => steps.chain(sessions.destroy(begun.id), () => steps.of(kept)),
    () => steps.of(kept),
  );
}

function finish<Data>(state: RequestState<Data, Mode>, target: CommitTarget, kept: boolean): boolean {
  const headers = headerChanges(state);
  state.committed = { headers, target, kept };
  if (headers !== undefined) setHeaders(target, headers);
  return kept;
}

function headerChanges<Data>(state: RequestState<Data, Mode>): HeaderChanges | undefined {
  const { carrier, session, token, floor } = state;
  const { vary, seen, now } = floor;
  const clearSiteData = state.loggedOut ? floor.clearSiteData : undefined;
  if (state.handAnew && session !== undefined && token !== undefined) {
    return { ...carrier.hand(carrier.sign(token), session.expiresAt, now()), clearSiteData, vary };
  }
  if (state.destroyed) {
    const setCookie = state.presented ? carrier.removal : undefined;
    return { setCookie, credential: undefined, clearSiteData, vary };
  }
  return state.seen ? seen : undefined;
}

/** @throws InvalidDataError if the manager's schema has dropped what stands under the reserved name */
function checkReserved(written: Fields, session: { readonly data: unknown }): void {
  if (!hasReserved(written) || hasReserved(session.data as Fields)) return;
  throw new InvalidDataError(
    `Expected the schema to let the field "${RESERVED}" through, which flash values and fields with a ttl need`,
  );
}
