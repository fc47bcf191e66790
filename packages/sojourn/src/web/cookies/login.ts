/** How a user's session begins, and how one ends. */
import { InvalidDataError } from "../../errors.ts";
import type { CreateOptions } from "../../sessions/options.ts";
import { show } from "../../show.ts";
import { wait, type Mode, type Steps } from "../../store/reply.ts";
import { parseLifetime, type Duration } from "../../time/duration.ts";
import { Changes, hasReserved, jsonValue, RESERVED, type Fields } from "./changes.ts";
import { headerOf } from "./http-messages.ts";
import { addressOf } from "./lookup-guard.ts";
import type { LoginOptions, Started } from "./request-session.ts";
import { forget, REPLACED, replaceBy, storedFields, type RequestState } from "./request-state.ts";

/** `login` of a request session. */
export function* login<Data, M extends Mode>(
  state: RequestState<Data, M>,
  userId: string | null,
  data: Partial<Data> | undefined,
  { keepFields = true, ...options }: LoginOptions,
): Steps<Started> {
  const { carrier, context } = state;
  const changes = state.changes?.copy();
  const fields = fieldsForLogin(state, userId, data, keepFields);
  const from = userId === null ? undefined : { device: deviceOf(state) };
  yield* makeRoomFor(state, userId);
  const created = yield* wait(context.sessions.create(userId, fields, { ...from, ...options }));
  // What the handler has set since, without waiting for this, is still to be written.
  if (changes !== undefined) state.changes?.drop(changes);
  const token = carrier.kind === "cookie" ? undefined : carrier.sign(created.token);
  yield* replaceBy(state, created);
  return { id: created.id, expiresAt: created.expiresAt, token };
}

/** Starts an anonymous session with what was set so far. */
export function* beginAnonymous<Data, M extends Mode>(state: RequestState<Data, M>): Steps<string> {
  const { sessions, now } = state.context;
  const changes = (state.changes ?? new Changes()).copy();
  const fields = changes.apply({}, now());
  const created = yield* wait(sessions.create(null, fields as Data));
  state.changes?.drop(changes);
  yield* replaceBy(state, created);
  checkReserved(fields, created);
  return created.id;
}

/** The device that a request comes from. */
function deviceOf<Data>({ request, address }: RequestState<Data, Mode>): NonNullable<CreateOptions["device"]> {
  return { ip: addressOf(request, address), userAgent: headerOf(request.headers, "user-agent") };
}

function fieldsForLogin<Data>(
  state: RequestState<Data, Mode>,
  userId: string | null,
  data: Partial<Data> | undefined,
  keepFields: boolean,
): Data {
  const now = state.context.now();
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
function* makeRoomFor<Data, M extends Mode>(state: RequestState<Data, M>, userId: string | null): Steps<void> {
  const { sessions } = state.context;
  const before = state.session ?? state.locked;
  const counts = sessions.policy.maxPerUser !== undefined && userId !== null && before?.userId === userId;
  if (counts) yield* wait(sessions.destroy(before.id, REPLACED));
}

/**
 * `destroy` of a request session: ends what there is, in the store first, and with `everywhere` all sessions of its
 * user. If that fails, nobody is told that it has ended. Whether anything was live.
 */
export function* destroy<Data, M extends Mode>(state: RequestState<Data, M>, everywhere = false): Steps<boolean> {
  const { sessions } = state.context;
  const { replaced } = state;
  const session = state.session ?? state.locked;
  const oldWasLive = replaced !== undefined && (yield* wait(sessions.destroy(replaced)));
  // Also one that is over: this may be the repeat of a logout whose answer was lost, and has to wait as that did.
  const id = session?.id ?? state.verified?.look.credential?.id;
  let wasLive = id !== undefined && (yield* wait(sessions.destroy(id)));
  const userId = everywhere ? (session === undefined ? presentedUser(state) : session.userId) : null;
  if (userId !== null) wasLive = (yield* wait(sessions.destroyByUser(userId))) > 0 || wasLive;
  forget(state);
  state.replaced = undefined;
  state.destroyed = true;
  return wasLive || oldWasLive;
}

/** Whose cookie came, if its own session is over: a login in another tab may just have replaced it. */
function presentedUser<Data>({ verified, carrier, context }: RequestState<Data, Mode>): string | null {
  if (verified?.end === undefined || verified.end <= context.now()) return null;
  return carrier.userOf(verified) ?? null;
}

/** `logout` of a request session. */
export function* logout<Data, M extends Mode>(state: RequestState<Data, M>, everywhere: boolean): Steps<boolean> {
  const wasLive = yield* destroy(state, everywhere);
  state.loggedOut = true;
  return wasLive;
}

/**
 * `reauthenticate` of a request session: noted here, and written by the commit together with the new token. A token that
 * was replaced meanwhile, and whose grace still runs, has no step-up and gets none.
 */
export function* reauthenticate<Data, M extends Mode>(
  state: RequestState<Data, M>,
  lasting: Duration = "5m",
): Steps<boolean> {
  const { sessions, now } = state.context;
  const stepUp = parseLifetime(lasting, "for");
  const before = state.session ?? state.locked;
  if (before === undefined || state.token === undefined) return false;
  const explanation = yield* wait(sessions.explain(state.token));
  if (explanation.state !== "live" || explanation.token !== "current") return false;
  const { locked: _, ...session } = before;
  state.locked = undefined;
  state.session = Object.freeze({ ...session, reauthenticatedUntil: now() + stepUp });
  state.stepUp = stepUp;
  state.rotate = true;
  return true;
}

/** `ensureId` of a request session. */
export function* ensureId<Data, M extends Mode>(state: RequestState<Data, M>): Steps<string> {
  if (state.locked !== undefined) throw new TypeError("The session is locked: `reauthenticate` or `login` comes first");
  return state.session?.id ?? (yield* beginAnonymous(state));
}

/** @throws InvalidDataError if the manager's schema has dropped what stands under the reserved name */
export function checkReserved(written: Fields, session: { readonly data: unknown }): void {
  if (!hasReserved(written) || hasReserved(session.data as Fields)) return;
  throw new InvalidDataError(
    `Expected the schema to let the field "${RESERVED}" through, which flash values and fields with a ttl need`,
  );
}
