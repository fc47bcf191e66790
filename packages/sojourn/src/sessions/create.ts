/** How a session starts: one put, then, where users have a limit, whoever is beyond it goes. */
import { ConflictError, RevokedError, TooManySessionsError } from "../errors.ts";
import type { Mode, Reply } from "../store/reply.ts";
import type { Begun, Entry, Head } from "../store/store.ts";
import { adoptToken, mintToken, parseUserId, uniqueRev } from "../tokens/token.ts";
import { countLive, reportEnds, sessionOf, afterPropagation, type Context } from "./context.ts";
import { beyondLimit, expiryFrom } from "./lifecycle.ts";
import { liveOf } from "./list.ts";
import { resolveLifetimes, type CreateOptions, type Policy } from "./options.ts";
import { encodeRecord, keptDevice } from "./record.ts";
import type { Device, SessionWithToken } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** `create` of a manager. */
export function creator<Data, M extends Mode>(context: Context<Data, M>): Sessions<Data, M>["create"] {
  const { store, steps, policy, codec, events } = context;

  return (userId, data, options = {}) => {
    const owner = userId === null ? null : parseUserId(userId);
    const birth = prepare(options, policy);
    // Taken when the call begins: a destroyByUser from here on is to refuse this session.
    const now = policy.clock.now();
    const begun = owner === null ? undefined : (options.begun ?? store.begin());
    return steps.chain(codec.encode(data === undefined ? {} : data), (value) => {
      return steps.chain(placeFor(context, owner, birth.id, now), (createdAt) => {
        const entry = newEntry({ ...birth, owner, value, now, createdAt });
        return steps.chain(insert(context, entry, { adopted: birth.adopted, now, begun }), (hasReplaced) =>
          steps.chain(enforceLimit(context, entry, now), (hasEvicted) => {
            const session = sessionOf(context, entry);
            if (events.listens("created")) events.emit("created", { session, at: now });
            const created: SessionWithToken<Data> = { token: birth.token, ...session };
            return hasReplaced || hasEvicted ? afterPropagation(context, created) : steps.of(created);
          }),
        );
      });
    });
  };
}

interface Birth {
  readonly token: string;
  readonly id: string;
  readonly hash: string;
  readonly adopted: boolean;
  readonly ttl: number;
  readonly absoluteTtl: number;
  readonly device: Device | undefined;
}

/** What is decided before the store is asked. @throws TypeError for an option that is not what it should be */
function prepare(options: CreateOptions, policy: Policy): Birth {
  const lifetimes = resolveLifetimes(options, policy);
  const device = keptDevice(options.device);
  const adopted = options.token !== undefined;
  const { token, id, hash } = adopted ? adoptToken(options.token) : mintToken();
  return { token, id, hash, adopted, ...lifetimes, device };
}

function newEntry(
  birth: Birth & {
    readonly owner: string | null;
    readonly value: string;
    readonly now: number;
    readonly createdAt: number;
  },
): Entry {
  const { id, hash, ttl, now, device } = birth;
  const absoluteExpiresAt = now + birth.absoluteTtl;
  return {
    key: id,
    owner: birth.owner,
    rev: uniqueRev(),
    meta: encodeRecord({
      hash,
      absoluteExpiresAt,
      ttl,
      absoluteTtl: birth.absoluteTtl,
      version: 1,
      reauthenticatedUntil: undefined,
      previous: [],
      device,
    }),
    createdAt: birth.createdAt,
    touchedAt: now,
    expiresAt: expiryFrom(now, { ttl, absoluteExpiresAt }),
    value: birth.value,
  };
}

/** Answers whether a live session had to go for it. */
function insert<Data, M extends Mode>(
  context: Context<Data, M>,
  entry: Entry,
  { adopted, now, begun }: { readonly adopted: boolean; readonly now: number; readonly begun: Begun | undefined },
): Reply<M, boolean> {
  const { store, steps } = context;
  return steps.chain(store.put(entry, adopted ? "any" : null, now, begun), (put) => {
    if (put.outcome === "revoked") {
      throw new RevokedError("All sessions of the user were ended while this one was being started");
    }
    if (put.outcome === "conflict") throw new ConflictError("The new session's id is taken");
    reportEnds(context, put.removed, now, (head) => (head.key === entry.key ? "replaced" : "evicted"));
    return steps.of(countLive(put.removed, now) > 0);
  });
}

/**
 * The `createdAt` of the new session. Where users have a limit, it has to be younger than those that are there, or the
 * eviction of the oldest could hit it.
 *
 * @throws TooManySessionsError if logins beyond the limit are refused, before anything is changed
 */
function placeFor<Data, M extends Mode>(
  context: Context<Data, M>,
  owner: string | null,
  id: string,
  now: number,
): Reply<M, number> {
  const { steps, policy } = context;
  const { maxPerUser } = policy;
  if (maxPerUser === undefined || owner === null) return steps.of(now);
  return steps.chain(liveOf(context, owner, now), (sessions) => {
    const others = sessions.filter((entry) => entry.key !== id);
    if (maxPerUser.onLimit === "reject" && others.length >= maxPerUser.limit) {
      throw new TooManySessionsError(maxPerUser.limit);
    }
    return steps.of(others.reduce((latest, { createdAt }) => Math.max(latest, createdAt + 1), now));
  });
}

/**
 * Removes what a new session has brought its user beyond the limit. Every creator does so after its own insert, by
 * the same order, so that once concurrent ones have resolved the limit holds exactly. Answers whether there were any.
 *
 * @throws TooManySessionsError if the new session itself had to go
 */
function enforceLimit<Data, M extends Mode>(context: Context<Data, M>, created: Entry, now: number): Reply<M, boolean> {
  const { steps, policy } = context;
  const { maxPerUser } = policy;
  if (maxPerUser === undefined || created.owner === null) return steps.of(false);
  return steps.chain(liveOf(context, created.owner, now), (sessions) => {
    const which = maxPerUser.onLimit === "reject" ? "youngest" : "oldest";
    const excess = beyondLimit(sessions, maxPerUser.limit, which);
    return steps.chain(removeAll(context, excess, created, now), () => {
      if (which === "oldest" || !excess.some((head) => head.key === created.key)) return steps.of(excess.length > 0);
      // With an adopted token, somebody may have used it meanwhile.
      return steps.chain(afterPropagation(context, maxPerUser.limit), (limit): Reply<M, boolean> => {
        throw new TooManySessionsError(limit);
      });
    });
  });
}

function removeAll<Data, M extends Mode>(
  context: Context<Data, M>,
  excess: readonly Head[],
  created: Head,
  now: number,
): Reply<M, undefined> {
  const { store, steps } = context;
  const [first, ...rest] = excess;
  if (first === undefined) return steps.of(undefined);
  return steps.chain(store.delete(first.key), (head) => {
    // The new session was never handed out, so its end is nobody's news.
    if (head !== undefined && head.key !== created.key) reportEnds(context, [head], now, "evicted");
    return removeAll(context, rest, created, now);
  });
}
