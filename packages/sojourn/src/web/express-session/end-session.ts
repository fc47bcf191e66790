/** How sessions end: a mark takes their place, so that nothing that comes late can bring them back. */
import { ConflictError } from "../../errors.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import type { Entry } from "../../store/store.ts";
import { parseUserId } from "../../tokens/token.ts";
import { MAX_ATTEMPTS, type Context } from "./session-context.ts";
import { checkOurs, deletionMark, isLive, isMark, isStandingMark } from "./session-entry.ts";

/** Ends a session, if it is there. Once it has answered, no node yields the session. */
export function endSession(context: Context, sid: string): Reply<Mode, void> {
  const { store, steps, policy, ends, unstored } = context;
  const now = policy.clock.now();
  const mark = deletionMark(sid, now);
  ends.made(mark);
  const generated = unstored.get(sid);
  if (generated !== undefined) generated.ended = true;

  /** Puts the mark over what is there. Where nothing is and nothing is on its way, nothing has to be kept out. */
  function replace(current: Entry | undefined, left: number): Reply<Mode, void> {
    if (left === 0) throw new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
    if (current !== undefined) checkOurs(current);
    else if (generated?.arriving === false) return steps.of(undefined);
    const isGone = current === undefined || isMark(current);
    if (isStandingMark(current, now) || (isGone && generated?.arriving !== true)) return afterPropagation();
    return steps.chain(store.put(mark, current?.rev ?? null, now), (put) =>
      put.outcome === "conflict" ? replace(put.current, left - 1) : afterPropagation(),
    );
  }

  /** Also where nothing was found: it may be the repeat of a call whose answer was lost. */
  function afterPropagation(): Reply<Mode, void> {
    return store.propagated?.() ?? steps.of(undefined);
  }

  return steps.chain(store.get(sid, now, { fresh: true }), (current) => replace(current, MAX_ATTEMPTS));
}

/** Ends every session of a user but one. The answer is how many were live. */
export async function endSessionsOf(context: Context, userId: string, except: string | undefined): Promise<number> {
  const { store, policy, ends } = context;
  const now = policy.clock.now();
  const heads = await store.revokeOwner(parseUserId(userId), except);
  for (const { key } of heads) {
    const mark = deletionMark(key, now);
    ends.made(mark);
    await store.put(mark, null, now);
  }
  await store.propagated?.();
  return heads.filter((head) => isLive(head, now)).length;
}
