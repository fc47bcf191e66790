/**
 * How sessions end: one, all of a user, or those whose time is up.
 *
 * `destroy` and `destroyByUser` wait for propagation also when they find nothing: it may be the repeat of a call whose
 * reply was lost, or another's may be on its way, and once either has resolved nobody is to be let in.
 */
import type { Mode } from "../store/reply.ts";
import { isSessionId, parseUserId } from "../tokens/token.ts";
import { countLive, reportEnds, afterPropagation, type Context } from "./context.ts";
import type { Sessions } from "./sessions.ts";

/** How many expired sessions `cleanup` removes by default: on a disk, a few milliseconds' work. */
const CLEANUP_SLICE = 250;

/** `destroy`, `destroyByUser` and `cleanup` of a manager. */
export function endings<Data, M extends Mode>(
  context: Context<Data, M>,
): Pick<Sessions<Data, M>, "destroy" | "destroyByUser" | "cleanup"> {
  const { store, steps, policy } = context;
  return {
    destroy(id) {
      if (!isSessionId(id)) return steps.of(false);
      const now = policy.clock.now();
      return steps.chain(store.delete(id), (head) => {
        if (head === undefined) return afterPropagation(context, false);
        reportEnds(context, [head], now, "logout");
        return afterPropagation(context, now < head.expiresAt);
      });
    },

    destroyByUser(userId, { except } = {}) {
      const owner = parseUserId(userId);
      // An exception that is not an id would end the very session that was to stay.
      if (except !== undefined && !isSessionId(except)) {
        throw new TypeError(`Expected \`except\` to be a session id, got a string of ${except.length} characters`);
      }
      const now = policy.clock.now();
      return steps.chain(store.revokeOwner(owner, except), (heads) => {
        reportEnds(context, heads, now, "revoked");
        return afterPropagation(context, countLive(heads, now));
      });
    },

    cleanup({ limit = CLEANUP_SLICE } = {}) {
      const now = policy.clock.now();
      return steps.chain(store.sweep(now, limit), (heads) => {
        reportEnds(context, heads, now, "evicted");
        return steps.of(heads.length);
      });
    },
  };
}
