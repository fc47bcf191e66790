/**
 * Changes of a session that an object holds: compare-and-set over the rev that it was loaded with. If the session is
 * gone, nothing happens; if another request has changed it, what this one changed goes on top.
 */
import { ConflictError, RevokedError } from "../../errors.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import type { Entry } from "../../store/store.ts";
import { uniqueRev } from "../../tokens/token.ts";
import { endSession } from "./end-session.ts";
import type { Held } from "./held-session.ts";
import { encode, fieldsOf, MAX_ATTEMPTS, ownerOf, type Context } from "./session-context.ts";
import { endOf, isLive, sessionMeta, ttlOf } from "./session-entry.ts";
import {
  isSameCookie,
  isSameData,
  isSameLifetime,
  lifetimeOf,
  mergeFields,
  parseFields,
  type Fields,
} from "./session-fields.ts";
import { thresholdFor } from "./store-policy.ts";

/** What an object holds that was stored once. */
export type Stored = Held & { entry: Entry };

/** Brings what an object has become into the store: as a change, or as a touch if only time has passed. */
export function changeSession(context: Context, held: Stored, mine: Fields, now: number): Reply<Mode, void> {
  const base = parseFields(held.base);
  const ttl = lifetimeOf(mine, now, context.policy.ttl);
  const isNewCookie = !isSameCookie(base["cookie"], mine["cookie"]) || !isSameLifetime(ttlOf(held.entry), ttl);
  if (!isNewCookie && isSameData(base, mine)) return touchSession(context, held, ttl, now);
  return compareAndSet(context, held, now, (entry) => {
    const theirs = fieldsOf(context, entry);
    const merged = new Map(Object.entries(mergeFields(base, mine, theirs)));
    // The other request may have changed how long the session lives; that stays, unless this one did it as well.
    if (isNewCookie) merged.set("cookie", mine["cookie"]);
    return { ...encode(context, Object.fromEntries(merged)), ttl: isNewCookie ? ttl : ttlOf(entry), base: mine };
  });
}

/** Takes note of a use of a session: what changed of its cookie is kept, and the session extended. */
export function useSession(context: Context, held: Stored, used: Fields, now: number): Reply<Mode, void> {
  const ttl = lifetimeOf(used, now, context.policy.ttl);
  if (ttl <= 0) return endSession(context, held.sid);
  const isUsual = held.cookie !== undefined && isSameCookie(held.cookie, used["cookie"]);
  if (isUsual && isSameLifetime(ttlOf(held.entry), ttl)) return touchSession(context, held, ttl, now);
  return changeSession(context, held, { ...parseFields(held.base), ...used }, now);
}

interface Next {
  readonly json: string;
  readonly fields: Fields;
  readonly ttl: number;
  /** What the object holds now. */
  readonly base: Fields;
}

function compareAndSet(context: Context, held: Stored, now: number, make: (entry: Entry) => Next): Reply<Mode, void> {
  const { store, steps } = context;

  function attempt(entry: Entry | undefined, left: number): Reply<Mode, void> {
    if (entry === undefined || !isLive(entry, now)) return steps.of(undefined);
    if (left === 0) throw new ConflictError(`${MAX_ATTEMPTS} other changes of the session came first`);
    const { json, fields, ttl, base } = make(entry);
    const owner = ownerOf(context, fields);
    const next: Entry = {
      key: held.sid,
      owner,
      rev: uniqueRev(),
      meta: sessionMeta(ttl),
      // A login within a session that is there already began when this request loaded it.
      createdAt: owner === entry.owner ? entry.createdAt : held.beginning.date,
      touchedAt: now,
      expiresAt: now + ttl,
      value: json,
    };
    return steps.chain(store.put(next, entry.rev, now, held.beginning.begun), (put) => {
      if (put.outcome === "conflict") return attempt(put.current, left - 1);
      if (put.outcome === "revoked") throw revoked();
      held.entry = next;
      held.base = JSON.stringify(base);
      held.cookie = undefined;
      return steps.of(undefined);
    });
  }

  return attempt(held.entry, MAX_ATTEMPTS);
}

/** A login that `destroyByUser` has overtaken. */
export function revoked(): RevokedError {
  return new RevokedError("The login began before all sessions of its user were destroyed");
}

/** Extends a session for a use of it, if less than the threshold is left. It never inserts, shortens or changes data. */
function touchSession(context: Context, held: Stored, ttl: number, now: number): Reply<Mode, void> {
  const { store, steps, policy } = context;
  const to = { touchedAt: now, expiresAt: now + ttl };

  function attempt(entry: Entry | undefined, left: number): Reply<Mode, void> {
    if (!isLive(entry, now) || endOf(entry) - now >= thresholdFor(ttl, policy) || left === 0)
      return steps.of(undefined);
    return steps.chain(store.touch(entry.key, entry.rev, to, now), (isTouched) => {
      if (!isTouched)
        return steps.chain(store.get(entry.key, now, { fresh: true }), (current) => attempt(current, left - 1));
      held.entry = { ...held.entry, ...to };
      return steps.of(undefined);
    });
  }

  return attempt(held.entry, MAX_ATTEMPTS);
}
