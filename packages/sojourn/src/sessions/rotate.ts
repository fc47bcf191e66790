/**
 * How a session gets a new token: one compare-and-set of one record.
 *
 * The new secret is computed from the old one and a salt that the session keeps, so that whoever repeats the
 * rotation with the old token within the grace (a second tab, a lost reply) gets the same new token, and nobody
 * else can compute it. After the grace, an old token is theft, and ends the session.
 */
import { ConflictError } from "../errors.ts";
import type { Mode, Reply } from "../store/reply.ts";
import type { Entry } from "../store/store.ts";
import {
  readToken,
  rotationSalt,
  succeedingToken,
  uniqueRev,
  type Credential,
  type MintedToken,
} from "../tokens/token.ts";
import { endReused, hashOf } from "./authenticate.ts";
import { known, MAX_ATTEMPTS, reportEnds, sessionOf, type Context } from "./context.ts";
import { judge, rotated, saltsFrom } from "./lifecycle.ts";
import { encodeRecord } from "./record.ts";
import type { SessionWithToken } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** `rotate` of a manager. */
export function rotator<Data, M extends Mode>(context: Context<Data, M>): Sessions<Data, M>["rotate"] {
  const { store, steps, policy, events } = context;

  function withToken(entry: Entry, token: string): Reply<M, SessionWithToken<Data>> {
    return steps.of({ token, ...sessionOf(context, entry) });
  }

  function attempt(
    entry: Entry | undefined,
    credential: Credential,
    now: number,
    left: number,
  ): Reply<M, SessionWithToken<Data> | undefined> {
    if (entry === undefined) return steps.of(undefined);
    const record = known(entry);
    const hash = hashOf(credential);
    const verdict = judge(record, hash, now);
    if (verdict === "unknown") return steps.of(undefined);
    if (verdict === "reused") return endReused(context, entry.key, now);
    if (verdict === "in-grace") return withToken(entry, successor(credential, saltsFrom(record, hash)).token);

    const salt = rotationSalt();
    const next = succeedingToken(credential, salt);
    const { memo: _, ...rest } = entry;
    const meta = encodeRecord(rotated(record, { hash: next.hash, salt }, now + policy.rotationGrace));
    const changed: Entry = { ...rest, rev: uniqueRev(), meta };
    return steps.chain(store.put(changed, entry.rev, now), (put) => {
      if (put.outcome === "revoked") return steps.of(undefined);
      if (put.outcome === "conflict") {
        if (left === 0) throw new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
        return attempt(put.current, credential, now, left - 1);
      }
      reportEnds(context, put.removed, now, "evicted");
      if (events.listens("rotated")) events.emit("rotated", { session: sessionOf(context, changed), at: now });
      return withToken(changed, next.token);
    });
  }

  return (token) => {
    const credential = readToken(token);
    if (credential === undefined) return steps.of(undefined);
    const now = policy.clock.now();
    return steps.chain(store.get(credential.id, now), (entry) => attempt(entry, credential, now, MAX_ATTEMPTS - 1));
  };
}

/** The current token, computed from one that was replaced, over every rotation since. */
function successor(old: Credential, salts: readonly string[]): Credential & { readonly token: string } {
  const [salt, ...rest] = salts;
  if (salt === undefined) throw new Error("A replaced secret has a salt");
  const next: MintedToken = succeedingToken(old, salt);
  return rest.length === 0 ? next : successor(next, rest);
}
