/**
 * How sessions get into the store, change there, and end: compare-and-set, so that no write brings back what has
 * ended, and none loses what another request wrote.
 */
import { ConflictError, RevokedError } from "../../errors.ts";
import { run, wait, type Mode, type Reply, type Steps } from "../../store/reply.ts";
import type { Entry, Head, Put, Store } from "../../store/store.ts";
import { parseUserId, uniqueRev } from "../../tokens/token.ts";
import { checkOurs, deletionMark, endOf, isLive, isMark, isStandingMark, sessionMeta, ttlOf } from "./session-entry.ts";
import {
  isSameCookie,
  isSameData,
  isSameLifetime,
  lifetimeOf,
  mergeFields,
  parseFields,
  type Fields,
} from "./session-fields.ts";
import { encode, fieldsOf, MAX_ATTEMPTS, ownerOf, thresholdFor, type StoreContext } from "./store-context.ts";
import type { Beginning } from "./known-ends.ts";
import type { StoredSession, TrackedSession } from "./tracked-session.ts";

/** A session to be placed where the object that stands for it has not been: a new one, or one that is given by hand. */
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
export function* placeSession(context: StoreContext, session: Placed, now: number): Steps<Entry | undefined> {
  const { sid, json, fields, ttl, beginning, isNew } = session;
  const owner = ownerOf(context, fields);
  let current: Entry | undefined;
  for (let left = MAX_ATTEMPTS; left > 0; left--) {
    if (current !== undefined) {
      checkOurs(current);
      if (isStandingMark(current, now) && isKeptOut(context, current, session)) return undefined;
    }
    const continued: Head | undefined =
      isNew || current?.owner !== owner || !isLive(current, now) ? undefined : current;
    const entry: Entry = {
      key: sid,
      owner,
      rev: uniqueRev(),
      meta: sessionMeta(ttl),
      createdAt: continued?.createdAt ?? beginning.date,
      touchedAt: now,
      expiresAt: now + ttl,
      value: json,
    };
    const put = yield* wait(context.store.put(entry, current?.rev ?? null, now, beginning.begun));
    if (put.outcome === "revoked") throw revoked();
    if (put.outcome === "stored") return entry;
    current = put.current;
  }
  throw conflict();
}

/** A session that was stored elsewhere, and is to live here as long as it would have there. */
export interface Added {
  readonly sid: string;
  readonly json: string;
  readonly fields: Fields;
  /** How long it lives after a use, in milliseconds. */
  readonly ttl: number;
  /** When it ends if it is not used. */
  readonly expiresAt: number;
  /** From before it was read where it was stored. */
  readonly beginning: Beginning;
}

/**
 * Stores a session where none is under its id: what this store has is never replaced, and what was destroyed here, or
 * ended by `destroyByUser` since it was read, stays away.
 */
export function* addSession(
  context: StoreContext,
  { sid, json, fields, ttl, expiresAt, beginning }: Added,
  now: number,
): Steps<"added" | "there" | "ended"> {
  const { store } = context;
  const owner = ownerOf(context, fields);
  let current: Entry | undefined;
  for (let left = MAX_ATTEMPTS; left > 0; left--) {
    if (current !== undefined) {
      checkOurs(current);
      if (isStandingMark(current, now)) return "ended";
      const live: Head = current;
      if (isLive(live, now)) return "there";
    }
    const rev = uniqueRev();
    const entry = {
      key: sid,
      owner,
      rev,
      meta: sessionMeta(ttl),
      createdAt: beginning.date,
      touchedAt: now,
      expiresAt,
    };
    const put: Put = yield* wait(store.put({ ...entry, value: json }, current?.rev ?? null, now, beginning.begun));
    if (put.outcome === "stored") return "added";
    if (put.outcome === "revoked") {
      // So that it does not come with the next attempt, which would begin after.
      yield* wait(store.put(deletionMark(sid, now), current?.rev ?? null, now));
      return "ended";
    }
    current = put.current;
  }
  throw conflict();
}

/** Whether a mark of deletion keeps a session out. */
function isKeptOut({ ends }: StoreContext, mark: Entry, { isNew, beginning }: Placed): boolean {
  if (!isNew) return true;
  const order = ends.orderOf(mark, beginning);
  ends.learn(mark);
  if (order !== "unknown") return order === "later";
  throw new RevokedError("Another process destroyed the session of this id, and it cannot be told which came first");
}

/** Stores a generated session for the first time; one that was destroyed before that stays away. */
export function* placeGenerated(
  context: StoreContext,
  tracked: TrackedSession,
  session: Placed,
  now: number,
): Steps<void> {
  if (tracked.ended) return;
  // Whoever destroys the session from now on leaves a mark, which this write meets or which meets it.
  tracked.arriving = true;
  const entry = yield* placeSession(context, session, now);
  context.unstored.remove(tracked);
  if (entry === undefined) tracked.ended = true;
  else {
    tracked.entry = entry;
    tracked.base = session.json;
    tracked.cookie = undefined;
  }
}

/** Brings what an object has become into the store: as a change, or as a touch if only time has passed. */
export function* changeSession(context: StoreContext, tracked: StoredSession, mine: Fields, now: number): Steps<void> {
  const base = parseFields(tracked.base);
  const ttl = lifetimeOf(mine, now, context.policy.ttl);
  const isNewCookie = !isSameCookie(base["cookie"], mine["cookie"]) || !isSameLifetime(ttlOf(tracked.entry), ttl);
  const merge = (entry: Entry): Next => {
    const theirs = fieldsOf(entry);
    const merged = new Map(Object.entries(mergeFields(base, mine, theirs)));
    // The other request may have changed how long the session lives; that stays, unless this one did it as well.
    if (isNewCookie) merged.set("cookie", mine["cookie"]);
    return { ...encode(context, Object.fromEntries(merged)), ttl: isNewCookie ? ttl : ttlOf(entry), base: mine };
  };
  if (isNewCookie || !isSameData(base, mine)) yield* compareAndSet(context, tracked, now, merge);
  else yield* touchSession(context, tracked, ttl, now);
}

/** Takes note of a use of a session: what changed of its cookie is kept, and the session extended. */
export function* useSession(context: StoreContext, tracked: StoredSession, used: Fields, now: number): Steps<void> {
  const ttl = lifetimeOf(used, now, context.policy.ttl);
  const isUsual = tracked.cookie !== undefined && isSameCookie(tracked.cookie, used["cookie"]);
  if (ttl <= 0) yield* wait(endSession(context, tracked.sid));
  else if (isUsual && isSameLifetime(ttlOf(tracked.entry), ttl)) yield* touchSession(context, tracked, ttl, now);
  else yield* changeSession(context, tracked, { ...parseFields(tracked.base), ...used }, now);
}

interface Next {
  readonly json: string;
  readonly fields: Fields;
  readonly ttl: number;
  /** What the object stands for now. */
  readonly base: Fields;
}

/** Over the rev that was loaded. If the session is gone, nothing happens; if another has changed it, this goes on top. */
function* compareAndSet(
  context: StoreContext,
  tracked: StoredSession,
  now: number,
  make: (entry: Entry) => Next,
): Steps<void> {
  let entry: Entry | undefined = tracked.entry;
  for (let left = MAX_ATTEMPTS; isLive(entry, now); left--) {
    if (left === 0) throw conflict();
    const { json, fields, ttl, base } = make(entry);
    const owner = ownerOf(context, fields);
    const next: Entry = {
      key: tracked.sid,
      owner,
      rev: uniqueRev(),
      meta: sessionMeta(ttl),
      // A login within a session that is there already began when this request loaded it.
      createdAt: owner === entry.owner ? entry.createdAt : tracked.beginning.date,
      touchedAt: now,
      expiresAt: now + ttl,
      value: json,
    };
    const put: Put = yield* wait(context.store.put(next, entry.rev, now, tracked.beginning.begun));
    if (put.outcome === "revoked") throw revoked();
    if (put.outcome === "stored") {
      tracked.entry = next;
      tracked.base = JSON.stringify(base);
      tracked.cookie = undefined;
      return;
    }
    entry = put.current;
  }
}

/** Extends a session for a use of it, if less than the threshold is left. It never inserts, shortens or changes data. */
function* touchSession(context: StoreContext, tracked: StoredSession, ttl: number, now: number): Steps<void> {
  const { store, policy } = context;
  const to = { touchedAt: now, expiresAt: now + ttl };
  let entry: Entry | undefined = tracked.entry;
  for (let left = MAX_ATTEMPTS; left > 0; left--) {
    if (!isLive(entry, now) || endOf(entry) - now >= thresholdFor(ttl, policy)) return;
    if (yield* wait(store.touch(entry.key, entry.rev, to, now))) {
      tracked.entry = { ...tracked.entry, ...to };
      return;
    }
    entry = yield* wait(store.get(entry.key, now, { fresh: true }));
  }
}

/** Ends a session, if it is there. Once it has answered, no node yields the session, and nothing late brings it back. */
export function endSession(context: StoreContext, sid: string): Reply<Mode, void> {
  const { store, policy, ends, unstored } = context;
  const now = policy.clock.now();
  const mark = deletionMark(sid, now);
  ends.made(mark);
  const generated = unstored.get(sid);
  if (generated !== undefined) generated.ended = true;
  return run(store.mode, replaceByMark(store, mark, generated, now));
}

/** Puts the mark over what is there, if there is something or something is on its way: nothing else has to be kept out. */
function* replaceByMark(store: Store, mark: Entry, generated: TrackedSession | undefined, now: number): Steps<void> {
  let current = yield* wait(store.get(mark.key, now, { fresh: true }));
  for (let left = MAX_ATTEMPTS; ; left--) {
    if (left === 0) throw conflict();
    if (current !== undefined) checkOurs(current);
    else if (generated?.arriving === false) return;
    const isGone = current === undefined || isMark(current);
    if (isStandingMark(current, now) || (isGone && generated?.arriving !== true)) break;
    const put: Put = yield* wait(store.put(mark, current?.rev ?? null, now));
    if (put.outcome !== "conflict") break;
    current = put.current;
  }
  // Also where nothing was found: it may be the repeat of a call whose answer was lost.
  if (store.propagated !== undefined) yield* wait(store.propagated());
}

/** Ends every session of a user but one. The answer is how many were live. */
export async function endSessionsOf(
  context: StoreContext,
  userId: string,
  except: string | undefined,
): Promise<number> {
  const { store, policy, ends } = context;
  const now = policy.clock.now();
  const heads = await store.revokeOwner(parseUserId(userId), except);
  for (const { key } of heads) {
    const mark = deletionMark(key, now);
    ends.made(mark);
    await store.put(mark, null, now);
  }
  await store.propagated?.();
  return heads.filter((head) => isLive(head, now)).length;
}

function conflict(): ConflictError {
  return new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
}

/** A login that `destroyByUser` has overtaken. */
function revoked(): RevokedError {
  return new RevokedError("The login began before all sessions of its user were destroyed");
}
