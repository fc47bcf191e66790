/**
 * How a session gets a new token: one compare-and-set of one record.
 *
 * The new secret is computed from the old one and a salt that the session keeps, so that whoever repeats the
 * rotation with the old token within the grace (a second tab, a lost reply) gets the same new token, and nobody
 * else can compute it. After the grace, an old token is theft, and ends the session.
 */
import { afterPropagation } from "../store/fresh-answers.ts";
import { run, type Mode, type Steps } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import {
  nameableId,
  readToken,
  rotationSalt,
  succeedingToken,
  type Credential,
  type MintedToken,
} from "../tokens/token.ts";
import { endReused, hashOf } from "./authenticate.ts";
import { compareAndSet, type Made } from "./compare-and-set.ts";
import { decodedEntry, sessionOf } from "./decoded-entry.ts";
import { reportRejection } from "./events.ts";
import { isLocked, judge, rotated, saltsFrom } from "./lifecycle.ts";
import type { ManagerContext } from "./manager-context.ts";
import { encodeRecord } from "./record.ts";
import type { RejectionReason, SessionWithToken } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** `rotate` of a manager. */
export function rotator<Data, M extends Mode>(context: ManagerContext<Data, M>): Sessions<Data, M>["rotate"] {
  const { store, policy, events } = context;
  return (token) => run(store.mode, steps(token));

  function* steps(token: string | undefined): Steps<SessionWithToken<Data> | undefined> {
    const credential = readToken(token);
    const now = policy.clock.now();
    if (credential === undefined) {
      return token === undefined ? undefined : reportRejection(events, "malformed", null, now);
    }
    const { id } = credential;
    const outcome = yield* compareAndSet(context, { id, now, make: (entry) => rotation(entry, credential, now) });
    if (outcome === undefined) return reportRejection(events, "unknown", nameableId(credential), now);
    if (outcome === "reuse") return yield* endReused(context, id, now);
    if (typeof outcome === "string") return reportRejection(events, outcome, id, now);
    // Also when it repeats one that another call has made, and that may not have propagated.
    yield* afterPropagation(store);
    return outcome;
  }

  function rotation(entry: Entry, credential: Credential, now: number): Made<SessionWithToken<Data> | RejectionReason> {
    const record = decodedEntry(entry);
    const hash = hashOf(credential);
    const verdict = judge(record, hash, now);
    if (verdict === "reused") return { answer: "reuse" };
    if (verdict === "unknown") return { answer: "wrong-secret" };
    if (isLocked(entry, now, policy)) return { answer: "locked" };
    if (verdict === "in-grace") {
      const { token } = successor(credential, saltsFrom(record, hash));
      return { answer: { token, ...sessionOf(context, entry) } };
    }
    const salt = rotationSalt();
    const next = succeedingToken(credential, salt);
    return {
      write: { meta: encodeRecord(rotated(record, { hash: next.hash, salt }, now + policy.rotationGrace)) },
      stored(changed) {
        const session = sessionOf(context, changed);
        if (events.listens("rotated")) events.emit("rotated", { session, at: now });
        return { token: next.token, ...session };
      },
    };
  }
}

/** The current token, computed from one that was replaced, over every rotation since. */
function successor(old: Credential, salts: readonly string[]): Credential & { readonly token: string } {
  const [salt, ...rest] = salts;
  if (salt === undefined) throw new Error("A replaced secret has a salt");
  const next: MintedToken = succeedingToken(old, salt);
  return rest.length === 0 ? next : successor(next, rest);
}
