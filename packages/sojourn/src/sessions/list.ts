/** The listings: of one user, whole; of everybody, a page at a time. */
import type { Mode, Reply } from "../store/reply.ts";
import { MAX_PAGE, type Entry } from "../store/store.ts";
import { parseUserId } from "../tokens/token.ts";
import { sessionOf, type Context } from "./context.ts";
import { byCreation } from "./lifecycle.ts";
import { decodeRecord, sessionHead } from "./record.ts";
import type { Sessions } from "./sessions.ts";

/** `listByUser` and `list` of a manager. */
export function listings<Data, M extends Mode>(
  context: Context<Data, M>,
): Pick<Sessions<Data, M>, "listByUser" | "list"> {
  const { store, steps, policy } = context;
  return {
    listByUser(userId) {
      const owner = parseUserId(userId);
      return steps.chain(liveOf(context, owner, policy.clock.now()), (entries) =>
        steps.of([...entries].sort(byCreation).map((entry) => sessionOf(context, entry))),
      );
    },

    list({ after, limit = 100 } = {}) {
      return steps.chain(store.list({ after, limit }, policy.clock.now()), ({ items, next }) =>
        steps.of({ items: items.map((head) => sessionHead(head, decodeRecord(head))), next }),
      );
    },
  };
}

/** All live entries of a user. */
export function liveOf<M extends Mode>(
  context: Pick<Context<never, M>, "store" | "steps">,
  owner: string,
  now: number,
): Reply<M, readonly Entry[]> {
  const { store, steps } = context;
  const from = (after: string | undefined, before: readonly Entry[]): Reply<M, readonly Entry[]> =>
    steps.chain(store.listByOwner(owner, { after, limit: MAX_PAGE }, now), ({ items, next }) => {
      const all = [...before, ...items];
      return next === undefined ? steps.of(all) : from(next, all);
    });
  return from(undefined, []);
}
