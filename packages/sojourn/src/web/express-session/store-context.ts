/** Options of a `SessionStore`, and what its calls share. */
import type { SessionData } from "express-session";
import { fromJson, toJson } from "../../sessions/json.ts";
import { requireOptions, type OptionNames } from "../../options.ts";
import { show } from "../../show.ts";
import type { Mode } from "../../store/reply.ts";
import type { Entry, Store } from "../../store/store.ts";
import { systemClock, type Clock } from "../../time/clock.ts";
import { parseDuration, showDuration, type Duration } from "../../time/duration.ts";
import { parseUserId } from "../../tokens/token.ts";
import { parseFields, type Fields } from "./session-fields.ts";
import { KnownEnds, type Beginning } from "./known-ends.ts";
import { UnstoredSessions } from "./tracked-session.ts";

/** Options of `SessionStore`. */
export interface SessionStoreOptions {
  /** Where the sessions are kept, in a namespace of their own: any store of the library, synchronous or not. */
  readonly store: Store;
  /**
   * How long a session lives after its last use, if its cookie has no end. A cookie with `maxAge` or `expires` decides
   * for itself. Milliseconds, or a string such as `"12h"`; never seconds.
   * @default "1d"
   */
  readonly ttl?: Duration;
  /**
   * A use of a session with less than this left extends it, which is a write. At most `ttl`. A threshold above the
   * `maxAge` of a cookie makes every use of its session a write.
   * @default ttl - min(60 s, ttl / 10), of each session's own ttl: at most one write a minute
   */
  readonly refreshThreshold?: Duration;
  /**
   * Whose session it is, 1 to 1,024 characters, by what is about to be stored; with it, `destroyByUser` finds the
   * session. It must not change what it is given.
   * @default nobody's
   */
  readonly owner?: (session: SessionData) => string | null | undefined;
  /** The largest session, in characters of JSON. @default 1,048,576 */
  readonly maxDataLength?: number;
  /** Where instants come from. Cookies compute `expires` by the machine's clock, so another one has to agree with it. @default systemClock */
  readonly clock?: Clock;
}

/** The resolved options that the rules look at. All durations are in milliseconds. */
export interface StorePolicy {
  readonly ttl: number;
  /** `undefined` for the default, which depends on a session's own ttl. */
  readonly refreshThreshold: number | undefined;
  readonly owner: (session: SessionData) => string | null | undefined;
  readonly maxDataLength: number;
  readonly clock: Clock;
}

const STORE_OPTIONS: OptionNames<SessionStoreOptions> = {
  store: true,
  ttl: true,
  refreshThreshold: true,
  owner: true,
  maxDataLength: true,
  clock: true,
};

/** @throws TypeError for an option that is not what it should be, or not known */
export function resolveStorePolicy(options: SessionStoreOptions): StorePolicy {
  requireOptions("SessionStore", options, STORE_OPTIONS);
  const { owner = () => null, maxDataLength = 1_048_576, clock = systemClock } = options;
  if (typeof options.store?.put !== "function" || typeof options.store.revokeOwner !== "function") {
    throw new TypeError(`Expected \`store\` to be a store of sessions, got ${show(options.store)}`);
  }
  const ttl = parseDuration(options.ttl ?? "1d", "ttl");
  const refreshThreshold =
    options.refreshThreshold === undefined
      ? undefined
      : parseDuration(options.refreshThreshold, "refreshThreshold", { zero: true });
  if (refreshThreshold !== undefined && refreshThreshold > ttl) {
    const most = `\`ttl\` (${showDuration(ttl)})`;
    throw new TypeError(`Expected \`refreshThreshold\` to be at most ${most}, got ${showDuration(refreshThreshold)}`);
  }
  if (typeof owner !== "function") throw new TypeError(`Expected \`owner\` to be a function, got ${show(owner)}`);
  if (!Number.isSafeInteger(maxDataLength) || maxDataLength < 2) {
    throw new TypeError(`Expected \`maxDataLength\` to be 2 or more characters, got ${show(maxDataLength)}`);
  }
  if (typeof clock.now !== "function")
    throw new TypeError(`Expected \`clock\` to have a \`now()\`, got ${show(clock)}`);
  return Object.freeze({ ttl, refreshThreshold, owner, maxDataLength, clock });
}

/** With less than this left of its ttl, a use extends a session. */
export function thresholdFor(ttl: number, policy: StorePolicy): number {
  return policy.refreshThreshold ?? ttl - Math.min(60_000, ttl / 10);
}

/** How often a change that lost against others is made anew, before it is a conflict. */
export const MAX_ATTEMPTS = 64;

export interface StoreContext {
  readonly store: Store;
  readonly mode: Mode;
  readonly policy: StorePolicy;
  readonly ends: KnownEnds;
  readonly unstored: UnstoredSessions;
}

export function storeContext(store: Store, policy: StorePolicy): StoreContext {
  return { store, mode: store.mode, policy, ends: new KnownEnds(), unstored: new UnstoredSessions() };
}

/** What begins now. @throws StoreError */
export function beginning({ store, ends, policy }: StoreContext): Beginning {
  return { begun: store.begin(), place: ends.next(), date: policy.clock.now() };
}

/** The fields of an entry that is a session. @throws StoreError `store_corrupt` */
export function fieldsOf(entry: Entry): Fields {
  return fromJson(entry.value) as Fields;
}

/** A session as it is now, in JSON within the bounds, and its fields as JSON has them. @throws InvalidDataError */
export function encode({ policy }: StoreContext, session: unknown): { readonly json: string; readonly fields: Fields } {
  const json = toJson(session, policy.maxDataLength);
  return { json, fields: parseFields(json) };
}

/** Whose session these fields are. @throws TypeError if `owner` answers with neither a user id nor nothing */
export function ownerOf({ policy }: StoreContext, fields: Fields): string | null {
  const owner = policy.owner(fields as unknown as SessionData) ?? null;
  return owner === null ? null : parseUserId(owner);
}
