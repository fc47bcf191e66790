/** Brings a session to a place where the object that holds it has not been: a new one, or one that is given by hand. */
import { ConflictError, RevokedError } from "../../errors.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import type { Entry } from "../../store/store.ts";
import { uniqueRev } from "../../tokens/token.ts";
import { revoked } from "./change-session.ts";
import type { Held } from "./held-session.ts";
import type { Beginning } from "./known-ends.ts";
import { MAX_ATTEMPTS, ownerOf, type Context } from "./session-context.ts";
import { checkOurs, isLive, isStandingMark, sessionMeta } from "./session-entry.ts";
import type { Fields } from "./session-fields.ts";

/** A session to be placed. */
export interface Placed {
  readonly sid: string;
  readonly json: string;
  readonly fields: Fields;
  /** How long it lives, in milliseconds. */
  readonly ttl: number;
  readonly beginning: Beginning;
  /** Whether the session is a new one, which may follow a destroyed one of the same id; one given by hand may be that one. */
  readonly isNew: boolean;
}

/**
 * Stores a session over whatever live one has its id. A mark of deletion refuses it, unless it is a new session that
 * began after. The answer is the entry, or nothing if it was refused.
 *
 * @throws RevokedError for a new session that met a mark of another process, which may be older or not
 */
export function placeSession(context: Context, session: Placed, now: number): Reply<Mode, Entry | undefined> {
  const { store, steps } = context;
  const { sid, json, fields, ttl, beginning, isNew } = session;
  const owner = ownerOf(context, fields);

  function attempt(current: Entry | undefined, left: number): Reply<Mode, Entry | undefined> {
    if (left === 0) throw new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
    if (current !== undefined) {
      checkOurs(current);
      if (isStandingMark(current, now) && isRefused(context, current, session)) return steps.of(undefined);
    }
    const continues = !isNew && isLive(current, now) && current.owner === owner;
    const entry: Entry = {
      key: sid,
      owner,
      rev: uniqueRev(),
      meta: sessionMeta(ttl),
      createdAt: continues ? current.createdAt : beginning.date,
      touchedAt: now,
      expiresAt: now + ttl,
      value: json,
    };
    return steps.chain(store.put(entry, current?.rev ?? null, now, beginning.begun), (put) => {
      if (put.outcome === "conflict") return attempt(put.current, left - 1);
      if (put.outcome === "revoked") throw revoked();
      return steps.of(entry);
    });
  }

  return attempt(undefined, MAX_ATTEMPTS);
}

/** Whether a mark of deletion keeps a session out. */
function isRefused({ ends }: Context, mark: Entry, { isNew, beginning }: Placed): boolean {
  if (!isNew) return true;
  const order = ends.orderOf(mark, beginning);
  ends.learn(mark);
  if (order !== "unknown") return order === "later";
  throw new RevokedError("Another process destroyed the session of this id, and it cannot be told which came first");
}

/** Stores a generated session for the first time; one that was destroyed before that stays away. */
export function placeGenerated(context: Context, held: Held, session: Placed, now: number): Reply<Mode, void> {
  const { steps, unstored } = context;
  if (held.ended) return steps.of(undefined);
  // Whoever destroys the session from now on leaves a mark, which this write meets or which meets it.
  held.arriving = true;
  return steps.chain(placeSession(context, session, now), (entry) => {
    unstored.remove(held);
    if (entry === undefined) held.ended = true;
    else {
      held.entry = entry;
      held.base = session.json;
      held.cookie = undefined;
    }
    return steps.of(undefined);
  });
}
