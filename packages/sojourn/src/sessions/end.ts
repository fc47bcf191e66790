/**
 * How sessions end: one, all of a user, or those whose time is up.
 *
 * `destroy` and `destroyByUser` wait for propagation also when they find nothing: it may be the repeat of a call whose
 * reply was lost, or another's may be on its way, and once either has resolved nobody is to be let in.
 */
import { checkOptions } from "../options.ts";
import { show } from "../show.ts";
import { afterPropagation, FRESH, LONG_AGO } from "../store/fresh-answers.ts";
import { run, wait, type Mode, type Steps } from "../store/reply.ts";
import { nameableId, parseSessionId, parseUserId, readToken } from "../tokens/token.ts";
import { endReused } from "./authenticate.ts";
import { decodedEntry } from "./decoded-entry.ts";
import { reportEnds, reportRejection } from "./events.ts";
import { countLive, endNote } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import type { DestroyOptions } from "./options.ts";
import { judge } from "./secrets.ts";
import type { Sessions } from "./sessions.ts";

/** How many expired sessions `cleanup` removes by default: on a disk, a few milliseconds' work. */
const CLEANUP_SLICE = 250;

/** `destroy`, `destroyByToken`, `destroyByUser` and `cleanup` of a manager. */
export function endings<Data, M extends Mode>({
  store,
  policy,
  events,
}: ManagerContext<Data, M>): Pick<Sessions<Data, M>, "destroy" | "destroyByToken" | "destroyByUser" | "cleanup"> {
  return {
    destroy: (id, options) => run(store.mode, destroyFor(id, options)),
    destroyByToken: (token) => run(store.mode, destroyByToken(token)),
    destroyByUser: (userId, options) => run(store.mode, destroyByUser(userId, options)),
    cleanup: (options) => run(store.mode, cleanup(options)),
  };

  function destroyFor(id: string, options?: DestroyOptions): Steps<boolean> {
    checkOptions("destroy", options, { reason: true });
    const reason = options?.reason ?? "logout";
    if (reason !== "logout" && reason !== "replaced") {
      throw new TypeError(`Expected \`reason\` to be "logout" or "replaced", got ${show(reason)}`);
    }
    return destroy(id, reason);
  }

  function* destroy(id: string, reason: "logout" | "replaced" = "logout"): Steps<boolean> {
    parseSessionId(id);
    const now = policy.clock.now();
    const head = yield* wait(store.delete(id, endNote(reason, now)));
    if (head !== undefined) reportEnds(events, [head], now, reason);
    yield* afterPropagation(store);
    return head !== undefined && now < head.expiresAt;
  }

  function* destroyByToken(token: string | undefined): Steps<boolean> {
    const credential = readToken(token);
    const now = policy.clock.now();
    if (credential === undefined) {
      if (token !== undefined) reportRejection(events, "malformed", null, now);
      return false;
    }
    const { id } = credential;
    const entry = yield* wait(store.get(id, LONG_AGO, FRESH));
    const verdict = entry === undefined ? undefined : judge(decodedEntry(entry), credential, now);
    // A former token is theft, also where its user logs out with it. Either way the session ends.
    if (verdict === "reused") {
      yield* endReused({ store, events }, id, now);
      return entry !== undefined && now < entry.expiresAt;
    }
    if (verdict === undefined) reportRejection(events, "unknown", nameableId(credential), now);
    if (verdict === "unknown") reportRejection(events, "wrong-secret", id, now);
    if (verdict === "current" || verdict === "in-grace" || verdict === "replaced") return yield* destroy(id);
    yield* afterPropagation(store);
    return false;
  }

  function* destroyByUser(userId: string, options: { readonly except?: string | undefined } = {}): Steps<number> {
    const owner = parseUserId(userId);
    // Misspelt, it would end the session that was to stay.
    checkOptions("destroyByUser", options, { except: true });
    const { except } = options;
    // An exception that is not an id would end the very session that was to stay.
    if (except !== undefined) parseSessionId(except, "except");
    const now = policy.clock.now();
    const heads = yield* wait(store.revokeOwner(owner, except, endNote("revoked", now)));
    reportEnds(events, heads, now, "revoked");
    yield* afterPropagation(store);
    return countLive(heads, now);
  }

  function* cleanup(options: { readonly limit?: number } = {}): Steps<number> {
    checkOptions("cleanup", options, { limit: true });
    const { limit = CLEANUP_SLICE } = options;
    const now = policy.clock.now();
    const heads = yield* wait(store.sweep(now, limit));
    reportEnds(events, heads, now, "evicted");
    return heads.length;
  }
}
