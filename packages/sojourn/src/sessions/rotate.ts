/** How a session gets a new token: one compare-and-set of one record. Which one follows is in `secrets.ts`. */
import { checkOptions, type OptionNames } from "../options.ts";
import { afterPropagation } from "../store/fresh-answers.ts";
import { run, type Mode, type Steps } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { parseGrace } from "../time/duration.ts";
import { nameableId, readToken, type Credential } from "../tokens/token.ts";
import { endReused } from "./authenticate.ts";
import { compareAndSet, type Made } from "./compare-and-set.ts";
import { decodedEntry, sessionOf, sessionWith } from "./decoded-entry.ts";
import { reportRejection } from "./events.ts";
import { isLocked } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import type { RotateOptions } from "./options.ts";
import { encodeRecord } from "./record.ts";
import { currentToken, judge, succession } from "./secrets.ts";
import type { RejectionReason, SessionWithToken } from "./session.ts";
import type { Sessions } from "./sessions.ts";

const ROTATE_OPTIONS: OptionNames<RotateOptions> = { grace: true };

/** `rotate` of a manager. */
export function rotator<Data, M extends Mode>(context: ManagerContext<Data, M>): Sessions<Data, M>["rotate"] {
  const { store, policy, events } = context;

  return (token, options) => run(store.mode, steps(token, options));

  function* steps(
    token: string | undefined,
    options: RotateOptions | undefined,
  ): Steps<SessionWithToken<Data> | undefined> {
    checkOptions("rotate", options, ROTATE_OPTIONS);
    const grace = options?.grace === undefined ? policy.rotationGrace : parseGrace(options.grace, "grace");
    return yield* replaceToken(context, token, (entry, credential, now) => rotation(entry, credential, now, grace));
  }

  function rotation(entry: Entry, credential: Credential, now: number, grace: number): Replacement<Data> {
    const record = decodedEntry(entry);
    const verdict = judge(record, credential, now);
    if (verdict === "reused") return { answer: "reuse" };
    if (verdict === "unknown") return { answer: "wrong-secret" };
    if (verdict === "replaced") return { answer: "replaced" };
    if (isLocked(entry, now, policy)) return { answer: "locked" };
    if (verdict === "in-grace") {
      // It has no part in a step-up, also one from before it was replaced.
      const token = now < (record.reauthenticatedUntil ?? 0) ? undefined : currentToken(record, credential);
      return { answer: token === undefined ? "replaced" : { token, ...sessionOf(context, entry) } };
    }
    const next = succession(record, credential, now, { grace, underway: policy.rotationGrace });
    return {
      write: { meta: encodeRecord(next.record) },
      stored(changed) {
        const session = sessionWith(context, changed, next.record);
        if (events.listens("rotated")) events.emit("rotated", { session, at: now });
        return { token: next.token, ...session };
      },
    };
  }
}

/** What is made of the entry of a presented token: another one with another token, or why there is none. */
export type Replacement<Data> = Made<SessionWithToken<Data> | RejectionReason>;

/** Replaces the token that is presented, and reports it if it lets nobody in. */
export function* replaceToken<Data>(
  context: ManagerContext<Data, Mode>,
  token: string | undefined,
  make: (entry: Entry, credential: Credential, now: number) => Replacement<Data>,
): Steps<SessionWithToken<Data> | undefined> {
  const { store, policy, events } = context;
  const credential = readToken(token);
  const now = policy.clock.now();
  if (credential === undefined) {
    return token === undefined ? undefined : reportRejection(events, "malformed", null, now);
  }
  const { id } = credential;
  const outcome = yield* compareAndSet(context, { id, now, make: (entry) => make(entry, credential, now) });
  if (outcome === undefined) return reportRejection(events, "unknown", nameableId(credential), now);
  if (outcome === "reuse") return yield* endReused(context, id, now);
  if (typeof outcome === "string") return reportRejection(events, outcome, id, now);
  // Also when it repeats one that another call has made, and that may not have propagated.
  yield* afterPropagation(store);
  return outcome;
}
