/* oxlint-disable typescript/no-misused-promises -- the base class knows callbacks only; without one, ours promise */
/** Our stores behind express-session's `Store` class: an app changes one line, and logout means logout. */
import { Store, type Session, type SessionData } from "express-session";
import { show } from "../../show.ts";
import { run, wait, type Mode, type Reply, type Steps } from "../../store/reply.ts";
import { answer, type Callback } from "./answer.ts";
import { allSessions, clearSessions, livePages } from "./list-sessions.ts";
import { endOf, isLive, isMark } from "./session-entry.ts";
import { isObject, lifetimeOf, withEnd, type Fields } from "./session-fields.ts";
import {
  beginning,
  encode,
  fieldsOf,
  resolveStorePolicy,
  storeContext,
  type SessionStoreOptions,
  type StoreContext,
} from "./store-context.ts";
import { isStored, PendingWrites, trackedFrom, type TrackedSession } from "./tracked-session.ts";
import {
  changeSession,
  endSession,
  endSessionsOf,
  placeGenerated,
  placeSession,
  useSession,
  type Placed,
} from "./write-session.ts";

/** A session as `all` lists it. */
export type ListedSession = SessionData & {
  /** Its id, which the cookie carries. */
  readonly id: string;
};

type Request = Parameters<Store["createSession"]>[0];
type Generate = (req: Request) => void;

let contextWithin: (store: SessionStore) => StoreContext;

/** What the calls of a store share. @throws TypeError if it is none */
export function contextOf(store: SessionStore): StoreContext {
  if (store instanceof SessionStore) return contextWithin(store);
  throw new TypeError(`Expected a SessionStore of \`sojourn/express-session\`, got ${show(store)}`);
}

/**
 * A store for express-session over any store of this library.
 *
 * A session that was destroyed stays so: a request that still holds it saves and touches in vain, and is told no
 * error. Two requests that change different fields are both kept. A use of a session is written at most once per
 * refresh threshold. Every method takes a callback, or returns a promise if there is none. Where the store could not
 * answer, the error is a `StoreError`; that is never the same as "there is no such session".
 *
 * @example
 * ```ts
 * import express from "express";
 * import session from "express-session";
 * import { memoryStore } from "sojourn";
 * import { SessionStore } from "sojourn/express-session";
 *
 * const store = new SessionStore({ store: memoryStore(), ttl: "1d" });
 * const app = express();
 * app.use(session({ secret: "a secret of yours", resave: false, saveUninitialized: false, store }));
 * console.log(await store.length()); // 0
 * ```
 */
export class SessionStore extends Store {
  static {
    contextWithin = (store) => store.#context;
  }

  readonly #context: StoreContext;
  readonly #tracked = new WeakMap<object, TrackedSession>();
  readonly #pending = new PendingWrites();
  #generate: Generate | undefined;

  /** @throws TypeError for an option that is not what it should be */
  constructor(options: SessionStoreOptions) {
    super();
    const policy = resolveStorePolicy(options);
    this.#context = storeContext(options.store, policy);
  }

  /** Makes a new session for a request. express-session sets it. */
  get generate(): Generate | undefined {
    return this.#generate;
  }
  set generate(generate: Generate) {
    this.#generate = (req) => {
      generate(req);
      this.#tracked.set(req.session, this.#context.unstored.add(req.sessionID, beginning(this.#context)));
    };
  }

  /** The session object of a request, from what `get` has answered. */
  override createSession(req: Request, session: SessionData): Session & SessionData {
    const created = super.createSession(req, session);
    const tracked = this.#tracked.get(session);
    if (tracked !== undefined) this.#tracked.set(created, { ...tracked });
    return created;
  }

  /** The session with this id; `undefined` if there is none. */
  override get(sid: string): Promise<SessionData | undefined>;
  override get(sid: string, callback: (error: unknown, session?: SessionData | null) => void): void;
  override get(
    sid: string,
    callback?: Callback<SessionData | undefined>,
  ): Promise<SessionData | undefined> | undefined {
    return answer(() => {
      const read = (): Reply<Mode, SessionData | undefined> => run(this.#context.mode, this.#read(sid));
      const pending = this.#pending.of(sid);
      return pending === undefined ? read() : pending.then(read);
    }, callback);
  }

  /**
   * Saves a session. One that a request has loaded or generated is saved as that request's change of it, and not at
   * all if it is gone. Any other object replaces the session of this id; for an hour after `destroy`, it does not.
   */
  override set(sid: string, session: SessionData): Promise<void>;
  override set(sid: string, session: SessionData, callback: ((error?: unknown) => void) | undefined): void;
  override set(sid: string, session: SessionData, callback?: Callback<void>): Promise<void> | undefined {
    return answer(() => this.#write(sid, () => this.#save(sid, session)), callback);
  }

  /** Extends a session for a use of it, if less than the refresh threshold is left, and keeps what changed of its cookie. */
  override touch(sid: string, session: SessionData): Promise<void>;
  override touch(sid: string, session: SessionData, callback: ((error?: unknown) => void) | undefined): void;
  override touch(sid: string, session: SessionData, callback?: Callback<void>): Promise<void> | undefined {
    return answer(() => this.#write(sid, () => this.#use(sid, session)), callback);
  }

  /** Ends a session. What comes late for it changes nothing. */
  override destroy(sid: string): Promise<void>;
  override destroy(sid: string, callback: ((error?: unknown) => void) | undefined): void;
  override destroy(sid: string, callback?: Callback<void>): Promise<void> | undefined {
    return answer(() => this.#write(sid, () => endSession(this.#context, sid)), callback);
  }

  /**
   * Ends every session of a user, by what the option `owner` said, and refuses logins that began before. The answer
   * is how many sessions were live.
   *
   * @param options.except the id of a session that stays
   */
  destroyByUser(userId: string, options?: { readonly except?: string }): Promise<number>;
  destroyByUser(userId: string, options: { readonly except?: string }, callback: Callback<number>): void;
  destroyByUser(
    userId: string,
    { except }: { readonly except?: string } = {},
    callback?: Callback<number>,
  ): Promise<number> | undefined {
    return answer(() => endSessionsOf(this.#context, userId, except), callback);
  }

  /** Every live session, with its id. */
  override all(): Promise<ListedSession[]>;
  override all(callback: (error: unknown, sessions?: ListedSession[]) => void): void;
  override all(callback?: Callback<ListedSession[]>): Promise<ListedSession[]> | undefined {
    return answer(async () => (await allSessions(this.#context)) as unknown as ListedSession[], callback);
  }

  /** The ids of all live sessions. */
  ids(): Promise<string[]>;
  ids(callback: (error: unknown, ids?: string[]) => void): void;
  ids(callback?: Callback<string[]>): Promise<string[]> | undefined {
    return answer(async () => {
      const ids: string[] = [];
      for await (const heads of livePages(this.#context)) ids.push(...heads.map(({ key }) => key));
      return ids;
    }, callback);
  }

  /** How many sessions are live. */
  override length(): Promise<number>;
  override length(callback: (error: unknown, length?: number) => void): void;
  override length(callback?: Callback<number>): Promise<number> | undefined {
    return answer(async () => {
      let length = 0;
      for await (const heads of livePages(this.#context)) length += heads.length;
      return length;
    }, callback);
  }

  /** Removes all sessions, and what is remembered of destroyed ones. */
  override clear(): Promise<void>;
  override clear(callback: ((error?: unknown) => void) | undefined): void;
  override clear(callback?: Callback<void>): Promise<void> | undefined {
    return answer(() => clearSessions(this.#context), callback);
  }

  #write(sid: string, write: () => Reply<Mode, void>): Reply<Mode, void> {
    const reply = write();
    if (this.#context.store.mode === "async") this.#pending.add(sid, reply as Promise<void>);
    return reply;
  }

  *#read(sid: string): Steps<SessionData | undefined> {
    const { policy, store, ends } = this.#context;
    const now = policy.clock.now();
    const began = beginning(this.#context);
    const entry = yield* wait(store.get(sid, now));
    if (entry !== undefined && isMark(entry)) ends.learn(entry);
    if (entry === undefined || !isLive(entry, now)) return undefined;
    const fields = fieldsOf(entry);
    const session = withEnd(fields, endOf(entry)) as unknown as SessionData;
    const { cookie } = fields;
    this.#tracked.set(session, trackedFrom(entry, began, isObject(cookie) ? { ...cookie } : undefined));
    return session;
  }

  #save(sid: string, session: SessionData): Reply<Mode, void> {
    const context = this.#context;
    const now = context.policy.clock.now();
    const encoded = encode(context, session);
    const tracked = this.#trackedBy(sid, session);
    const ttl = lifetimeOf(encoded.fields, now, context.policy.ttl);
    if (ttl <= 0) return endSession(context, sid);
    const placed = { sid, ...encoded, ttl, beginning: tracked?.beginning ?? beginning(context) };
    if (tracked !== undefined) return run(context.mode, this.#saveTracked(tracked, { ...placed, isNew: true }, now));
    return run(context.mode, discard(placeSession(context, { ...placed, isNew: false }, now)));
  }

  *#saveTracked(tracked: TrackedSession, session: Placed, now: number): Steps<void> {
    // Saved again before the first write has ended: what that one leaves is what this one changes.
    const first = !isStored(tracked) && tracked.arriving ? this.#pending.of(tracked.sid) : undefined;
    if (first !== undefined) yield* wait<"async", unknown>(first);
    if (isStored(tracked)) yield* changeSession(this.#context, tracked, session.fields, now);
    else yield* placeGenerated(this.#context, tracked, session, now);
  }

  #use(sid: string, session: SessionData): Reply<Mode, void> {
    const context = this.#context;
    const now = context.policy.clock.now();
    const { fields } = encode(context, { cookie: session.cookie });
    const tracked = this.#trackedBy(sid, session);
    const steps = tracked === undefined ? this.#useStored(sid, fields, now) : this.#useTracked(tracked, fields, now);
    return run(context.mode, steps);
  }

  *#useTracked(tracked: TrackedSession, fields: Fields, now: number): Steps<void> {
    if (isStored(tracked)) yield* useSession(this.#context, tracked, fields, now);
  }

  /** A use of an object that this store has not answered with. */
  *#useStored(sid: string, fields: Fields, now: number): Steps<void> {
    const began = beginning(this.#context);
    const entry = yield* wait(this.#context.store.get(sid, now));
    if (entry !== undefined && isLive(entry, now)) yield* this.#useTracked(trackedFrom(entry, began), fields, now);
  }

  /** What a session object stands for, if it is one of this store and of this id. */
  #trackedBy(sid: string, session: unknown): TrackedSession | undefined {
    const tracked = typeof session === "object" && session !== null ? this.#tracked.get(session) : undefined;
    return tracked?.sid === sid ? tracked : undefined;
  }
}

function* discard(steps: Steps<unknown>): Steps<void> {
  yield* steps;
}
