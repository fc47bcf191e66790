/**
 * How a session gets a new token: one compare-and-set of one record.
 *
 * The new secret is computed from the old one and a salt that the session keeps, so that whoever repeats the
 * rotation with the old token within the grace (a second tab, a lost reply) gets the same new token, and nobody
 * else can compute it. After the grace, an old token is theft, and ends the session.
 */
import type { Mode } from "../store/reply.ts";
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
import { compareAndSet, type Step } from "./compare-and-set.ts";
import { known, rejected, sessionOf, afterPropagation, type Context } from "./context.ts";
import { isLocked, judge, rotated, saltsFrom } from "./lifecycle.ts";
import { encodeRecord } from "./record.ts";
import type { SessionWithToken } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** `rotate` of a manager. */
export function rotator<Data, M extends Mode>(context: Context<Data, M>): Sessions<Data, M>["rotate"] {
  const { steps, policy, events } = context;

  function step(entry: Entry, credential: Credential, now: number): Rotation<Data, M> {
    const record = known(entry);
    const hash = hashOf(credential);
    const verdict = judge(record, hash, now);
    if (verdict === "reused") return { answer: () => endReused(context, entry.key, now) };
    if (verdict === "unknown") return { answer: () => rejected(context, "wrong-secret", entry.key, now) };
    if (isLocked(entry, now, policy)) return { answer: () => rejected(context, "locked", entry.key, now) };
    if (verdict === "in-grace") {
      const { token } = successor(credential, saltsFrom(record, hash));
      return { answer: () => steps.of({ token, ...sessionOf(context, entry) }) };
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

  return (token) => {
    const credential = readToken(token);
    if (credential === undefined) {
      return token === undefined ? steps.of(undefined) : rejected(context, "malformed", null, policy.clock.now());
    }
    const now = policy.clock.now();
    const rotation = compareAndSet<Data, M, SessionWithToken<Data>>(context, {
      id: credential.id,
      now,
      make: (entry) => steps.of(step(entry, credential, now)),
      absent: () => rejected(context, "unknown", nameableId(credential), now),
    });
    // Also when it repeats one that another call has made, and that may not have propagated.
    return steps.chain(rotation, (session) =>
      session === undefined ? steps.of(session) : afterPropagation(context, session),
    );
  };
}

type Rotation<Data, M extends Mode> = Step<M, SessionWithToken<Data> | undefined>;

/** The current token, computed from one that was replaced, over every rotation since. */
function successor(old: Credential, salts: readonly string[]): Credential & { readonly token: string } {
  const [salt, ...rest] = salts;
  if (salt === undefined) throw new Error("A replaced secret has a salt");
  const next: MintedToken = succeedingToken(old, salt);
  return rest.length === 0 ? next : successor(next, rest);
}
