/** Why a token is, or is not, a live session's. */
import { FRESH, LONG_AGO } from "../store/fresh-answers.ts";
import { run, wait, type Mode, type Steps } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import { readToken, type Credential } from "../tokens/token.ts";
import { decodedEntry } from "./decoded-entry.ts";
import { expiryReason, isLocked } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import type { Policy } from "./options.ts";
import { sessionHead } from "./record.ts";
import { judge, replacedSecret } from "./secrets.ts";
import type { Explanation } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** `explain` of a manager. */
export function explainer<Data, M extends Mode>({
  store,
  policy,
}: ManagerContext<Data, M>): Sessions<Data, M>["explain"] {
  return (token) => run(store.mode, steps(token));

  function* steps(token: string): Steps<Explanation> {
    const credential = readToken(token);
    if (credential === undefined) return { state: "malformed" };
    const now = policy.clock.now();
    const entry = yield* wait(store.get(credential.id, LONG_AGO, FRESH));
    return entry === undefined ? { state: "unknown-or-ended" } : explanation(entry, credential, now, policy);
  }
}

function explanation(entry: Entry, credential: Credential, now: number, policy: Policy): Explanation {
  const record = decodedEntry(entry);
  const id = entry.key;
  const verdict = judge(record, credential, now);
  if (verdict === "unknown") return { state: "wrong-secret", id };
  if (now >= entry.expiresAt) {
    return { state: "expired", reason: expiryReason(entry, record), at: entry.expiresAt, id };
  }
  if (verdict === "reused" || verdict === "replaced") {
    const old = replacedSecret(record, credential);
    return { state: "replaced-token", id, ...(old !== undefined && { graceEndedAt: old.graceUntil }) };
  }
  return {
    state: "live",
    session: sessionHead(entry, record),
    idleLeft: entry.expiresAt - now,
    absoluteLeft: record.absoluteExpiresAt - now,
    token: verdict === "current" ? "current" : "replaced",
    locked: isLocked(entry, now, policy),
  };
}
