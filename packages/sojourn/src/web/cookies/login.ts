/** How a user's session begins, and how one ends. */
import { show } from "../../show.ts";
import type { Session } from "../../sessions/session.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import { Changes, jsonValue, RESERVED } from "./changes.ts";
import type { LoginOptions, Started } from "./request-session.ts";
import { forget, replaceBy, storedFields, type RequestState } from "./request-state.ts";

/** `login` of a request session. */
export function login<Data, M extends Mode>(
  state: RequestState<Data, M>,
  userId: string | null,
  data: Partial<Data> | undefined,
  { keepFields = true, ...options }: LoginOptions,
): Reply<M, Started> {
  const { carrier, floor, changes } = state;
  const { steps, sessions } = floor;
  // A request without a session was not refused yet, and would log its user in as somebody else.
  if (carrier.kind === "cookie") floor.crossSite?.(state.request);
  const fields = fieldsForLogin(state, userId, data, keepFields);
  return steps.chain(makeRoomFor(state, userId), () =>
    steps.chain(sessions.create(userId, fields, options), (created) => {
      if (state.changes === changes) state.changes = undefined;
      const token = carrier.kind === "cookie" ? undefined : carrier.sign(created.token);
      const started: Started = { id: created.id, expiresAt: created.expiresAt, token };
      return steps.chain(replaceBy(state, created), () => steps.of(started));
    }),
  );
}

function fieldsForLogin<Data>(
  state: RequestState<Data, Mode>,
  userId: string | null,
  data: Partial<Data> | undefined,
  keepFields: boolean,
): Data {
  const now = state.floor.now();
  const before = state.session;
  const isOwn = before !== undefined && (before.userId === null || before.userId === userId);
  const kept = keepFields ? (state.changes ?? new Changes()).apply(isOwn ? storedFields(state) : {}, now) : {};
  const given = new Changes();
  for (const [name, value] of Object.entries(data ?? {})) {
    if (name === RESERVED) throw new TypeError(`Expected a field other than ${show(RESERVED)}`);
    if (value !== undefined) given.set(name, { ...jsonValue(name, value), expiresAt: undefined });
  }
  return given.apply(kept, now) as Data;
}

/** Where users have a limit, a login over the user's own session must not count that one. */
function makeRoomFor<Data, M extends Mode>(state: RequestState<Data, M>, userId: string | null): Reply<M, unknown> {
  const { steps, sessions } = state.floor;
  const before = state.session ?? state.locked;
  const counts = sessions.policy.maxPerUser !== undefined && userId !== null && before?.userId === userId;
  return counts ? sessions.destroy(before.id) : steps.of(undefined);
}

/** Ends what there is, in the store first: if that fails, nobody is told that it has ended. Whether it was live. */
export function end<Data, M extends Mode>(
  state: RequestState<Data, M>,
  destroy: (session: Session<Data>) => Reply<M, boolean>,
): Reply<M, boolean> {
  const { steps, sessions } = state.floor;
  const { replaced } = state;
  const session = state.session ?? state.locked;
  const first = replaced === undefined ? steps.of(false) : sessions.destroy(replaced);
  return steps.chain(first, (oldWasLive) =>
    steps.chain(session === undefined ? steps.of(false) : destroy(session), (wasLive) => {
      forget(state);
      state.replaced = undefined;
      state.destroyed = true;
      return steps.of(wasLive || oldWasLive);
    }),
  );
}

/** `logout` of a request session. */
export function logout<Data, M extends Mode>(state: RequestState<Data, M>, everywhere: boolean): Reply<M, boolean> {
  const { steps, sessions } = state.floor;
  const destroy = ({ id, userId }: Session<Data>): Reply<M, boolean> =>
    steps.chain(sessions.destroy(id), (wasLive) => {
      if (!everywhere || userId === null) return steps.of(wasLive);
      return steps.chain(sessions.destroyByUser(userId), (others) => steps.of(wasLive || others > 0));
    });
  return steps.chain(end(state, destroy), (wasLive) => {
    state.loggedOut = true;
    return steps.of(wasLive);
  });
}
