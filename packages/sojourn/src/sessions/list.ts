/** The listings: of one user, whole or a page at a time; of everybody, a page at a time. */
import { checkOptions, type OptionNames } from "../options.ts";
import { run, wait, type Mode, type Reply, type Steps } from "../store/reply.ts";
import { MAX_PAGE, type Entry, type Page, type PageOptions, type Store } from "../store/store.ts";
import { parseUserId } from "../tokens/token.ts";
import { sessionOf } from "./decoded-entry.ts";
import { byCreation } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import { decodeRecord, sessionHead } from "./record.ts";
import type { Session, SessionHead } from "./session.ts";
import type { Sessions } from "./sessions.ts";

type PageRequest = Partial<PageOptions>;
const PAGE_OPTIONS: OptionNames<PageRequest> = { after: true, limit: true };

/** `listByUser` and `list` of a manager. */
export function listings<Data, M extends Mode>(
  context: ManagerContext<Data, M>,
): Pick<Sessions<Data, M>, "listByUser" | "list"> {
  const { store, policy } = context;
  return {
    listByUser,
    list: (options) => run(store.mode, page(options)),
  };

  function listByUser(userId: string): Reply<M, readonly Session<Data>[]>;
  function listByUser(userId: string, page: PageRequest): Reply<M, Page<Session<Data>>>;
  function listByUser(userId: string, page?: PageRequest): Reply<M, readonly Session<Data>[] | Page<Session<Data>>> {
    return page === undefined ? run(store.mode, ofUser(userId)) : run(store.mode, pageOfUser(userId, page));
  }

  function* ofUser(userId: string): Steps<readonly Session<Data>[]> {
    const entries = yield* liveEntries(store, parseUserId(userId), policy.clock.now());
    return [...entries].sort(byCreation).map((entry) => sessionOf(context, entry));
  }

  function* pageOfUser(userId: string, options: PageRequest): Steps<Page<Session<Data>>> {
    const owner = parseUserId(userId);
    checkOptions("listByUser", options, PAGE_OPTIONS);
    const { after, limit = 100 } = options;
    const { items, next } = yield* wait(store.listByOwner(owner, { after, limit }, policy.clock.now()));
    return { items: items.map((entry) => sessionOf(context, entry)), next };
  }

  function* page(options: PageRequest = {}): Steps<Page<SessionHead>> {
    checkOptions("list", options, PAGE_OPTIONS);
    const { after, limit = 100 } = options;
    const { items, next } = yield* wait(store.list({ after, limit }, policy.clock.now()));
    return { items: items.map((head) => sessionHead(head, decodeRecord(head))), next };
  }
}

/** All live entries of a user. */
export function* liveEntries(store: Store, owner: string, now: number): Steps<readonly Entry[]> {
  const all: Entry[] = [];
  let after: string | undefined;
  do {
    const { items, next }: Page<Entry> = yield* wait(store.listByOwner(owner, { after, limit: MAX_PAGE }, now));
    all.push(...items);
    after = next;
  } while (after !== undefined);
  return all;
}
