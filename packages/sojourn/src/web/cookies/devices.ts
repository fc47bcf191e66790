/** Where a user is logged in: what the user sees of that, and what the user can end. */
import { wait, type Mode, type Steps } from "../../store/reply.ts";
import { destroy } from "./login.ts";
import type { UserDevice } from "./request-session.ts";
import type { RequestState } from "./request-state.ts";

/** `devices` of a request session. */
export function* devices<Data, M extends Mode>(state: RequestState<Data, M>): Steps<readonly UserDevice[]> {
  const { session: own, replaced, context } = state;
  const userId = own?.userId ?? null;
  if (userId === null) return [];
  const sessions = yield* wait(context.sessions.listByUser(userId));
  return sessions
    .filter(({ id }) => id !== replaced)
    .map(({ id, device, createdAt, lastAccessedAt, expiresAt }) => {
      const current = id === own?.id;
      return { id, ...(device && { device }), createdAt, lastAccessedAt, expiresAt, current };
    })
    .sort((a, b) => b.lastAccessedAt - a.lastAccessedAt || Number(b.current) - Number(a.current));
}

/** `logoutOthers` of a request session. */
export function* logoutOthers<Data, M extends Mode>({ session, context }: RequestState<Data, M>): Steps<number> {
  const userId = session?.userId ?? null;
  if (session === undefined || userId === null) return 0;
  return yield* wait(context.sessions.destroyByUser(userId, { except: session.id }));
}

/** `logoutDevice` of a request session. The id comes from the user, and may be anything: only the user's own count. */
export function* logoutDevice<Data, M extends Mode>(state: RequestState<Data, M>, id: string): Steps<boolean> {
  const { session: own, context } = state;
  if (own === undefined || own.userId === null) return false;
  if (id === own.id) return yield* destroy(state);
  const sessions = yield* wait(context.sessions.listByUser(own.userId));
  const session = sessions.find((one) => one.id === id);
  return session !== undefined && (yield* wait(context.sessions.destroy(session.id)));
}
