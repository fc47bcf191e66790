/** How a token becomes a session, and how a session is extended. */
import { checkOptions, type OptionNames } from "../options.ts";
import { FRESH, afterPropagation } from "../store/fresh-answers.ts";
import { replies, run, wait, type Mode, type Steps } from "../store/reply.ts";
import type { Entry, Touch } from "../store/store.ts";
import { nameableId, readToken, uniqueRev, type Credential } from "../tokens/token.ts";
import { decodedEntry, sessionOf, sessionWith, type DecodedEntry } from "./decoded-entry.ts";
import { reportConflict, reportEnds, reportRejection } from "./events.ts";
import { endNote, extension, extensionWhenDue, isLocked } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import type { AuthenticateOptions } from "./options.ts";
import { encodeRecord } from "./record.ts";
import { judge, withoutEndedGraces } from "./secrets.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import { isVerified, VerifiedSecrets } from "./verified-secrets.ts";

/** For callers within the library that see the same token again and again. */
export interface PreparedOptions extends AuthenticateOptions {
  /** The token, taken apart before, which then is not read again. */
  readonly credential?: Credential;
}

const AUTHENTICATE_OPTIONS: OptionNames<AuthenticateOptions> = { extend: true, allowLocked: true };

/** `authenticate` of a manager. */
export function authenticator<Data, M extends Mode>(
  context: ManagerContext<Data, M>,
): Sessions<Data, M>["authenticate"] {
  const { store, policy, events } = context;
  const { chain, of } = replies(store.mode);
  // An older copy may let somebody in for as long as the store says. It never turns anybody away.
  const hasOlderCopies = store.guarantees.staleMs > 0;
  const secrets = policy.tokenCache === 0 ? undefined : new VerifiedSecrets(policy.tokenCache);

  return (token, options: PreparedOptions | undefined) => {
    // What the library prepared itself is not looked at for each request.
    if (options?.credential === undefined) checkOptions("authenticate", options, AUTHENTICATE_OPTIONS);
    const credential = options?.credential ?? readToken(token);
    if (credential === undefined) {
      return of(token === undefined ? undefined : reportRejection(events, "malformed", null, policy.clock.now()));
    }
    const now = policy.clock.now();
    // Not in steps: this is what every request asks, and nearly always all that it asks.
    return chain(store.get(credential.id, now), (entry) => {
      if (entry === undefined) return reportRejection(events, "unknown", nameableId(credential), now);
      const decoded = decodedEntry<Data>(entry);
      if (isCurrent(entry, decoded, credential, now) && !isLocked(entry, now, policy)) {
        const to = options?.extend === false ? undefined : whenDue(entry, now);
        if (to === undefined) return sessionOf(context, entry, decoded);
        return run(store.mode, extended(context, entry, to, now, whenDue));
      }
      return run(store.mode, decide(entry, credential, now, options));
    });
  };

  /** Whether a credential is the session's present one. What was found so is not hashed again. */
  function isCurrent({ memo }: Entry, decoded: DecodedEntry<Data>, credential: Credential, now: number): boolean {
    if (credential.hash !== undefined) return judge(decoded, credential, now) === "current";
    if (isVerified(decoded, credential.secret)) return true;
    if (judge(decoded, credential, now) !== "current") return false;
    if (memo !== undefined) secrets?.keep(decoded, credential.secret);
    return true;
  }

  /** What to do about whatever is not simply let in. */
  function* decide(
    found: Entry,
    credential: Credential,
    now: number,
    options: AuthenticateOptions | undefined,
  ): Steps<Session<Data> | undefined> {
    const mayBeOld = hasOlderCopies && turnsAway(found, credential, now);
    const entry = mayBeOld ? yield* wait(store.get(credential.id, now, FRESH)) : found;
    if (entry === undefined) return reportRejection(events, "unknown", nameableId(credential), now);
    const verdict = judge(decodedEntry(entry), credential, now);
    if (verdict === "unknown") return reportRejection(events, "wrong-secret", entry.key, now);
    if (verdict === "reused") return yield* endReused(context, entry.key, now);
    if (verdict === "replaced") return reportRejection(events, "replaced", entry.key, now);
    // What is in its grace was replaced before the step-up, or by somebody else: it has no part in it.
    const view = verdict === "in-grace" ? withoutStepUp<Data> : same;
    if (isLocked(entry, now, policy)) {
      if (options?.allowLocked !== true) return reportRejection(events, "locked", entry.key, now);
      return Object.freeze({ ...view(sessionOf(context, entry)), locked: true as const });
    }
    const to = options?.extend === false ? undefined : whenDue(entry, now);
    if (to !== undefined) return yield* extended(context, entry, to, now, whenDue, view);
    return view(sessionOf(context, entry));
  }

  function turnsAway(entry: Entry, credential: Credential, now: number): boolean {
    const verdict = judge(decodedEntry(entry), credential, now);
    return (verdict !== "current" && verdict !== "in-grace") || isLocked(entry, now, policy);
  }

  function whenDue(entry: Entry, now: number): Touch | undefined {
    return extensionWhenDue(entry, decodedEntry(entry), now, policy);
  }
}

/** `refresh` of a manager, for an entry that is there. */
export function* refreshed<Data>(
  context: ManagerContext<Data, Mode>,
  entry: Entry,
  now: number,
): Steps<Session<Data> | undefined> {
  if (isLocked(entry, now, context.policy)) return undefined;
  const target = (current: Entry): Touch | undefined => extension(current, decodedEntry(current), now);
  const to = target(entry);
  return to === undefined ? sessionOf(context, entry) : yield* extended(context, entry, to, now, target);
}

/** Ends a session whose replaced token was used after the grace: whoever uses it may have stolen it. */
export function* endReused(
  { store, events }: Pick<ManagerContext<never, Mode>, "store" | "events">,
  id: string,
  now: number,
): Steps<undefined> {
  const head = yield* wait(store.delete(id, endNote("reuse", now)));
  if (head !== undefined) reportEnds(events, [head], now, "reuse");
  reportRejection(events, "reuse", id, now);
  yield* afterPropagation(store);
}

/**
 * Moves an entry's expiry. A touch that fails means that another write came first, perhaps a destroy, so the entry is
 * read again and judged anew. That ends, since each round is somebody else's write.
 */
function* extended<Data>(
  context: ManagerContext<Data, Mode>,
  found: Entry,
  first: Touch,
  now: number,
  target: (entry: Entry, now: number) => Touch | undefined,
  view: (session: Session<Data>) => Session<Data> = same,
): Steps<Session<Data> | undefined> {
  const { store, events } = context;
  let entry: Entry | undefined = found;
  let to: Touch | undefined = first;
  while (to !== undefined) {
    const { memo: _, ...old } = entry;
    const decoded = decodedEntry(entry);
    const record = withoutEndedGraces(decoded, now);
    const isMoved: boolean =
      record === decoded
        ? yield* wait(store.touch(entry.key, entry.rev, to, now))
        : yield* rewritten(context, { ...old, ...to, meta: encodeRecord(record), rev: uniqueRev() }, entry.rev, now);
    if (isMoved) {
      const session = view(sessionWith(context, { ...old, ...to }, record));
      if (events.listens("refreshed")) events.emit("refreshed", { session, at: now });
      return session;
    }
    reportConflict(events, entry.key, now);
    entry = yield* wait(store.get(entry.key, now));
    if (entry === undefined) return undefined;
    to = target(entry, now);
  }
  return view(sessionOf(context, entry));
}

/** Where salts have had their time, an extension is the write of the entry without them. Whether it came first. */
function* rewritten(
  { store, events }: Pick<ManagerContext<never, Mode>, "store" | "events">,
  next: Entry,
  over: string,
  now: number,
): Steps<boolean> {
  const put = yield* wait(store.put(next, over, now));
  if (put.outcome !== "stored") return false;
  reportEnds(events, put.removed, now, "evicted");
  return true;
}

function same<T>(value: T): T {
  return value;
}

function withoutStepUp<Data>(session: Session<Data>): Session<Data> {
  const { reauthenticatedUntil, ...rest } = session;
  return reauthenticatedUntil === undefined ? session : Object.freeze(rest);
}
