/** All sessions, page by page: no call asks the store for more than a page at a time. */
import { MAX_PAGE, type Head } from "../../store/store.ts";
import { endOf, isLive, isOurs } from "./session-entry.ts";
import { withEnd, type Fields } from "./session-fields.ts";
import { fieldsOf, type StoreContext } from "./store-context.ts";

/** How many sessions `all` reads at a time. */
const READ_AT_ONCE = 100;

/** The heads of the live sessions, a page at a time. */
export async function* livePages(
  { store, policy }: StoreContext,
  limit: number = MAX_PAGE,
): AsyncGenerator<readonly Head[], void> {
  const now = policy.clock.now();
  for await (const heads of pages(store, limit, now)) yield heads.filter((head) => isOurs(head) && isLive(head, now));
}

/** Every live session with its id. */
export async function allSessions(context: StoreContext): Promise<(Fields & { readonly id: string })[]> {
  const { store, policy } = context;
  const sessions: (Fields & { readonly id: string })[] = [];
  for await (const heads of livePages(context, READ_AT_ONCE)) {
    const now = policy.clock.now();
    const entries = await Promise.all(heads.map(async ({ key }) => store.get(key, now)));
    for (const entry of entries) {
      if (entry === undefined || !isLive(entry, now)) continue;
      sessions.push({ ...withEnd(fieldsOf(entry), endOf(entry)), id: entry.key });
    }
  }
  return sessions;
}

/** Removes every session and every mark of deletion. What else is in the store stays. */
export async function clearSessions({ store, policy }: StoreContext): Promise<void> {
  for await (const heads of pages(store, MAX_PAGE, policy.clock.now())) {
    await Promise.all(heads.filter(isOurs).map(async ({ key }) => store.delete(key)));
  }
  await store.propagated?.();
}

async function* pages(store: StoreContext["store"], limit: number, now: number): AsyncGenerator<readonly Head[], void> {
  let after: string | undefined;
  do {
    const page = await store.list({ after, limit }, now);
    yield page.items;
    after = page.next;
  } while (after !== undefined);
}
