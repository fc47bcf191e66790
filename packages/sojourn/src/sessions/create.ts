/** Creates a session: one put. Then, if users have a limit, the sessions beyond it are removed. */
import { ConflictError, RevokedError, TooManySessionsError } from "../errors.ts";
import { afterPropagation } from "../store/fresh-answers.ts";
import { run, wait, type Mode, type Steps } from "../store/reply.ts";
import type { Begun, Entry } from "../store/store.ts";
import { adoptToken, mintToken, parseUserId, secretKey, uniqueRev } from "../tokens/token.ts";
import { sessionWith } from "./decoded-entry.ts";
import { reportEnds } from "./events.ts";
import { beyondLimit, countLive, endNote, expiryFrom } from "./lifecycle.ts";
import { liveEntries } from "./list.ts";
import type { ManagerContext } from "./manager-context.ts";
import { resolveLifetimes, type CreateOptions, type Policy } from "./options.ts";
import { encodeRecord, keptDevice, type SessionRecord } from "./record.ts";
import type { Device, SessionWithToken } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** `create` of a manager. */
export function creator<Data, M extends Mode>(context: ManagerContext<Data, M>): Sessions<Data, M>["create"] {
  const { store, policy, codec, events } = context;

  return (userId, data, options) => run(store.mode, steps(userId, data, options));

  function* steps(
    userId: string | null,
    data: Data | undefined,
    options: CreateOptions = {},
  ): Steps<SessionWithToken<Data>> {
    const owner = userId === null ? null : parseUserId(userId);
    const birth = prepare(options, owner === null, policy);
    // Taken when the call begins: a destroyByUser from here on is to refuse this session.
    const now = policy.clock.now();
    const begun = owner === null ? undefined : (options.begun ?? store.begin());
    const json = codec.encode(data === undefined ? {} : data, owner);
    const value = typeof json === "string" ? json : yield* wait<"async", string>(json);
    const createdAt = yield* checkRoom(context, owner, birth.id, now);
    const record = newRecord(birth, now);
    const entry = newEntry({ id: birth.id, record, owner, value, now, createdAt });
    const hasReplaced = yield* insert(context, entry, { adopted: birth.adopted, now, begun });
    const hasEvicted = yield* enforceLimit(context, entry, now);
    const session = sessionWith(context, entry, record);
    if (events.listens("created")) events.emit("created", { session, at: now });
    if (hasReplaced || hasEvicted) yield* afterPropagation(store);
    return { token: birth.token, ...session };
  }
}

interface Birth {
  readonly token: string;
  readonly id: string;
  readonly hash: string;
  readonly key: string;
  readonly adopted: boolean;
  readonly ttl: number;
  readonly absoluteTtl: number;
  readonly device: Device | undefined;
}

/** What is decided before the store is asked. @throws TypeError for an option that is not what it should be */
function prepare(options: CreateOptions, isAnonymous: boolean, policy: Policy): Birth {
  const lifetimes = resolveLifetimes(options, isAnonymous, policy);
  const device = keptDevice(options.device);
  const adopted = options.token !== undefined;
  const key = secretKey();
  const { token, id, hash } = adopted ? adoptToken(options.token) : mintToken(key);
  return { token, id, hash, key, adopted, ...lifetimes, device };
}

function newRecord({ hash, key, ttl, absoluteTtl, device }: Birth, now: number): SessionRecord {
  return {
    hash,
    key,
    absoluteExpiresAt: now + absoluteTtl,
    ttl,
    absoluteTtl,
    version: 1,
    reauthenticatedUntil: undefined,
    previous: [],
    device,
  };
}

interface NewEntry {
  readonly id: string;
  readonly record: SessionRecord;
  readonly owner: string | null;
  readonly value: string;
  readonly now: number;
  readonly createdAt: number;
}

function newEntry({ id, record, owner, value, now, createdAt }: NewEntry): Entry {
  return {
    key: id,
    owner,
    rev: uniqueRev(),
    meta: encodeRecord(record),
    createdAt,
    touchedAt: now,
    expiresAt: expiryFrom(now, record),
    value,
  };
}

/** Answers whether a live session had to go for it. */
function* insert(
  { store, events }: Pick<ManagerContext<never, Mode>, "store" | "events">,
  entry: Entry,
  { adopted, now, begun }: { readonly adopted: boolean; readonly now: number; readonly begun: Begun | undefined },
): Steps<boolean> {
  const put = yield* wait(store.put(entry, adopted ? "any" : null, now, begun));
  if (put.outcome === "revoked") {
    throw new RevokedError("All sessions of the user were ended while this one was being started");
  }
  if (put.outcome === "conflict") throw new ConflictError("The new session's id is taken");
  reportEnds(events, put.removed, now, (head) => (head.key === entry.key ? "replaced" : "evicted"));
  return countLive(put.removed, now) > 0;
}

/**
 * Where users have a limit: whether there is room for one more session, and the `createdAt` of the youngest that is
 * there. The new one has to be younger than those it can see, or the eviction of the oldest could hit it.
 *
 * @throws TooManySessionsError if logins beyond the limit are refused, before anything is changed
 */
function* checkRoom(
  { store, policy }: Pick<ManagerContext<never, Mode>, "store" | "policy">,
  owner: string | null,
  id: string,
  now: number,
): Steps<number> {
  const { maxPerUser } = policy;
  if (maxPerUser === undefined || owner === null) return now;
  const others = (yield* liveEntries(store, owner, now)).filter((entry) => entry.key !== id);
  if (maxPerUser.onLimit === "reject" && others.length >= maxPerUser.limit) {
    throw new TooManySessionsError(maxPerUser.limit);
  }
  return others.reduce((latest, { createdAt }) => Math.max(latest, createdAt + 1), now);
}

/** How often a login looks whether those that are to give way have gone. */
const LOOKS = 6;

type Limited = Pick<ManagerContext<never, Mode>, "store" | "policy" | "events">;

/**
 * Once concurrent logins have resolved, the limit holds exactly. Answers whether sessions had to go for the new one.
 *
 * @throws TooManySessionsError if the new session itself had to go
 */
function* enforceLimit(context: Limited, created: Entry, now: number): Steps<boolean> {
  const { maxPerUser } = context.policy;
  if (maxPerUser === undefined || created.owner === null) return false;
  if (maxPerUser.onLimit === "evict-oldest") return yield* evictOldest(context, created, maxPerUser.limit, now);
  yield* giveWay(context, created, maxPerUser.limit, now);
  return false;
}

/** Every login does so after its own insert, by the same order. */
function* evictOldest({ store, events }: Limited, created: Entry, limit: number, now: number): Steps<boolean> {
  const excess = beyondLimit(yield* liveEntries(store, created.owner!, now), limit, "oldest");
  for (const { key } of excess) {
    const head = yield* wait(store.delete(key, endNote("evicted", now)));
    if (head !== undefined) reportEnds(events, [head], now, "evicted");
  }
  return excess.length > 0;
}

/**
 * A login is let in only if it has seen no more than the limit after its own insert. Of those that are let in, the last to
 * look has seen all, so they are within the limit, and none has to be ended that was let in before. Of too many at once,
 * the youngest give way, and the others look again; if one of those that should have gone was let in already, it is
 * they who give way.
 */
function* giveWay({ store }: Limited, created: Entry, limit: number, now: number): Steps<void> {
  for (let look = 1; ; look++) {
    const excess = beyondLimit(yield* liveEntries(store, created.owner!, now), limit, "youngest");
    if (excess.length === 0) return;
    if (look === LOOKS || excess.some(({ key }) => key === created.key)) break;
  }
  // It was never handed out, so its end is nobody's news.
  yield* wait(store.delete(created.key, endNote("evicted", now)));
  // With an adopted token, somebody may have used it meanwhile.
  yield* afterPropagation(store);
  throw new TooManySessionsError(limit);
}
