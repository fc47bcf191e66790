/**
 * How sessions end: one, all of a user, or those whose time is up.
 *
 * `destroy` and `destroyByUser` wait for propagation also when they find nothing: it may be the repeat of a call whose
 * reply was lost, or another's may be on its way, and once either has resolved nobody is to be let in.
 */
import { afterPropagation } from "../store/fresh-answers.ts";
import { run, wait, type Mode, type Steps } from "../store/reply.ts";
import { isSessionId, parseUserId } from "../tokens/token.ts";
import { reportEnds } from "./events.ts";
import { countLive } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import type { Sessions } from "./sessions.ts";

/** How many expired sessions `cleanup` removes by default: on a disk, a few milliseconds' work. */
const CLEANUP_SLICE = 250;

/** `destroy`, `destroyByUser` and `cleanup` of a manager. */
export function endings<Data, M extends Mode>({
  store,
  policy,
  events,
}: ManagerContext<Data, M>): Pick<Sessions<Data, M>, "destroy" | "destroyByUser" | "cleanup"> {
  return {
    destroy: (id) => run(store.mode, destroy(id)),
    destroyByUser: (userId, options) => run(store.mode, destroyByUser(userId, options?.except)),
    cleanup: (options) => run(store.mode, cleanup(options?.limit ?? CLEANUP_SLICE)),
  };

  function* destroy(id: string): Steps<boolean> {
    if (!isSessionId(id)) return false;
    const now = policy.clock.now();
    const head = yield* wait(store.delete(id));
    if (head !== undefined) reportEnds(events, [head], now, "logout");
    yield* afterPropagation(store);
    return head !== undefined && now < head.expiresAt;
  }

  function* destroyByUser(userId: string, except: string | undefined): Steps<number> {
    const owner = parseUserId(userId);
    // An exception that is not an id would end the very session that was to stay.
    if (except !== undefined && !isSessionId(except)) {
      throw new TypeError(`Expected \`except\` to be a session id, got a string of ${except.length} characters`);
    }
    const now = policy.clock.now();
    const heads = yield* wait(store.revokeOwner(owner, except));
    reportEnds(events, heads, now, "revoked");
    yield* afterPropagation(store);
    return countLive(heads, now);
  }

  function* cleanup(limit: number): Steps<number> {
    const now = policy.clock.now();
    const heads = yield* wait(store.sweep(now, limit));
    reportEnds(events, heads, now, "evicted");
    return heads.length;
  }
}
