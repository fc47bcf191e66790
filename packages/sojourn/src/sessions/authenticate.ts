/** How a token becomes a session, and how a session is extended. */
import type { Mode, Reply } from "../store/reply.ts";
import type { Entry, Touch } from "../store/store.ts";
import { sha256 } from "../tokens/crypto.ts";
import { nameableId, readToken, type Credential } from "../tokens/token.ts";
import {
  FRESH,
  known,
  rejected,
  reportConflict,
  reportEnds,
  sessionOf,
  afterPropagation,
  type Context,
} from "./context.ts";
import { extension, extensionWhenDue, isLocked, judge } from "./lifecycle.ts";
import type { AuthenticateOptions } from "./options.ts";
import type { Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** For callers within the library that see the same token again and again. */
export interface PreparedOptions extends AuthenticateOptions {
  /** The token, taken apart before, which then is not read again. */
  readonly credential?: Credential;
}

/** `authenticate` of a manager. */
export function authenticator<Data, M extends Mode>(context: Context<Data, M>): Sessions<Data, M>["authenticate"] {
  const { store, steps, policy } = context;
  // An older copy may let somebody in for as long as the store says. It never turns anybody away.
  const hasOlderCopies = store.guarantees.staleMs > 0;
  return (token, options: PreparedOptions | undefined) => {
    const credential = options?.credential ?? readToken(token);
    if (credential === undefined) {
      return token === undefined ? steps.of(undefined) : rejected(context, "malformed", null, policy.clock.now());
    }
    const now = policy.clock.now();
    const answer = (entry: Entry | undefined, mayBeOld: boolean): Reply<M, Session<Data> | undefined> => {
      if (entry === undefined) return rejected(context, "unknown", nameableId(credential), now);
      const made = known<Data>(entry);
      const verdict = judge(made, hashOf(credential), now);
      const mustWait = isLocked(entry, now, policy);
      if (mayBeOld && (mustWait || verdict === "unknown" || verdict === "reused")) {
        return steps.chain(store.get(credential.id, now, FRESH), (fresh) => answer(fresh, false));
      }
      if (verdict === "unknown") return rejected(context, "wrong-secret", entry.key, now);
      if (verdict === "reused") return endReused(context, entry.key, now);
      if (mustWait) {
        return options?.allowLocked === true
          ? steps.of(locked(sessionOf(context, entry, made)))
          : rejected(context, "locked", entry.key, now);
      }
      const to = options?.extend === false ? undefined : extensionWhenDue(entry, made, now, policy);
      return to === undefined
        ? steps.of(sessionOf(context, entry, made))
        : extend(context, entry, to, now, extensionOf);
    };
    return steps.chain(store.get(credential.id, now), (entry) => answer(entry, hasOlderCopies));
  };

  function locked(session: Session<Data>): Session<Data> {
    return Object.freeze({ ...session, locked: true as const });
  }

  function extensionOf(entry: Entry, now: number): Touch | undefined {
    return extensionWhenDue(entry, known(entry), now, policy);
  }
}

/** `refresh` of a manager, for an entry that is there. */
export function refreshed<Data, M extends Mode>(
  context: Context<Data, M>,
  entry: Entry,
  now: number,
): Reply<M, Session<Data> | undefined> {
  if (isLocked(entry, now, context.policy)) return context.steps.of(undefined);
  const extensionOf = (fresh: Entry): Touch | undefined => extension(fresh, known(fresh), now);
  const to = extensionOf(entry);
  if (to === undefined) return context.steps.of(sessionOf(context, entry));
  return extend(context, entry, to, now, extensionOf);
}

/** The hash of the secret that a credential holds. */
export function hashOf(credential: Credential): string {
  return credential.hash ?? sha256(credential.secret);
}

/** Ends a session whose replaced token was used after the grace: whoever uses it may have stolen it. */
export function endReused<Data, M extends Mode>(
  context: Context<Data, M>,
  id: string,
  now: number,
): Reply<M, undefined> {
  const { store, steps } = context;
  return steps.chain(store.delete(id), (head) => {
    if (head !== undefined) reportEnds(context, [head], now, "reuse");
    return steps.chain(rejected(context, "reuse", id, now), (answer) => afterPropagation(context, answer));
  });
}

/**
 * Moves an entry's expiry. A touch that fails means that another write came first, perhaps a destroy, so the entry
 * is read again and judged anew. That ends, since each round is somebody else's write.
 */
function extend<Data, M extends Mode>(
  context: Context<Data, M>,
  entry: Entry,
  to: Touch,
  now: number,
  extensionOf: (entry: Entry, now: number) => Touch | undefined,
): Reply<M, Session<Data> | undefined> {
  const { store, steps, events } = context;
  return steps.chain(store.touch(entry.key, entry.rev, to, now), (touched) => {
    if (touched) {
      const { memo: _, ...rest } = entry;
      const session = sessionOf(context, { ...rest, ...to });
      if (events.listens("refreshed")) events.emit("refreshed", { session, at: now });
      return steps.of(session);
    }
    reportConflict(context, entry.key, now);
    return steps.chain(store.get(entry.key, now), (fresh) => {
      if (fresh === undefined) return steps.of(undefined);
      const again = extensionOf(fresh, now);
      return again === undefined
        ? steps.of(sessionOf(context, fresh))
        : extend(context, fresh, again, now, extensionOf);
    });
  });
}
