/** The session of one request: what it was given, what was changed, and what the response has to tell the client. */
import { InvalidDataError } from "../../errors.ts";
import type { Session, SessionWithToken } from "../../sessions/session.ts";
import { show } from "../../show.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import { parseDuration, type Duration } from "../../time/duration.ts";
import type { Carrier } from "./carrier.ts";
import { Changes, hasReserved, jsonValue, RESERVED, type Fields } from "./changes.ts";
import { answer, recover, type Floor } from "./floor.ts";
import type { IncomingRequest } from "./incoming-request.ts";
import type {
  CommitOptions,
  FieldName,
  LoginOptions,
  LogoutOptions,
  RequestSession,
  SetOptions,
  Started,
} from "./request-session.ts";
import { isNodeResponse, setHeaders, type CommitTarget, type HeaderChanges } from "./response-headers.ts";

/** What a request has brought. */
export interface Brought<Data> {
  /** The carrier of what it presented, or else the one that a new session goes by. */
  readonly carrier: Carrier;
  readonly presented: boolean;
  readonly session: Session<Data> | undefined;
  readonly token: string | undefined;
  /** Whether the client needs its credential anew: it was extended, or signed with an old key. */
  readonly handAnew: boolean;
}

const NO_FIELDS: Fields = Object.freeze({});

/** Its state is in private fields, so that nothing that prints or serialises the object shows the token. */
export class WebSession<Data, M extends Mode> implements RequestSession<Data, M> {
  readonly #floor: Floor<Data, M>;
  readonly #request: IncomingRequest;
  readonly #carrier: Carrier;
  readonly #presented: boolean;
  readonly #isNew: boolean;
  #session: Session<Data> | undefined;
  #token: string | undefined;
  #locked: Session<Data> | undefined;
  #changes: Changes | undefined;
  /** The id of the session that a login in this request replaces. */
  #replaced: string | undefined;
  /** Whether the session began in this request. */
  #begun = false;
  #handAnew: boolean;
  #destroyed = false;
  #loggedOut = false;
  #rotate = false;
  /** Whether the answer depends on the session. */
  #seen = false;
  #sealed = false;
  /** What a commit has made, and whether all that was set is kept. */
  #committed: { readonly headers: HeaderChanges | undefined; readonly kept: boolean } | undefined;

  constructor(floor: Floor<Data, M>, request: IncomingRequest, brought: Brought<Data>) {
    const { session } = brought;
    const isLocked = session?.locked === true;
    this.#floor = floor;
    this.#request = request;
    this.#carrier = brought.carrier;
    this.#presented = brought.presented;
    this.#session = isLocked ? undefined : session;
    this.#locked = isLocked ? session : undefined;
    this.#token = brought.token;
    this.#isNew = this.#session === undefined;
    this.#handAnew = brought.handAnew && !this.#isNew;
  }

  get id(): string | undefined {
    this.#seen = true;
    return this.#session?.id;
  }
  get userId(): string | null {
    this.#seen = true;
    return this.#session?.userId ?? null;
  }
  get isNew(): boolean {
    this.#seen = true;
    return this.#isNew;
  }
  get createdAt(): number | undefined {
    this.#seen = true;
    return this.#session?.createdAt;
  }
  get expiresAt(): number | undefined {
    this.#seen = true;
    return this.#session?.expiresAt;
  }
  get reauthenticatedUntil(): number | undefined {
    this.#seen = true;
    return this.#session?.reauthenticatedUntil;
  }
  get locked(): Session<Data> | undefined {
    this.#seen = true;
    return this.#locked;
  }
  get data(): Partial<Data> {
    this.#seen = true;
    const { [RESERVED]: _, ...fields } = (this.#changes ?? new Changes()).apply(this.#fields(), this.#floor.now());
    return fields as Partial<Data>;
  }

  get<Name extends FieldName<Data>>(name: Name): Readonly<Data>[Name] | undefined {
    this.#seen = true;
    const value = readOwn(this.#changes, this.#fields(), name, this.#floor.now);
    return value as Readonly<Data>[Name] | undefined;
  }

  set<Name extends FieldName<Data>>(name: Name, value: Data[Name], { ttl }: SetOptions = {}): void {
    if (value === undefined) return this.delete(name);
    const changes = this.#open(name);
    const lasting = ttl === undefined ? undefined : parseDuration(ttl, "ttl");
    const expiresAt = lasting === undefined ? undefined : this.#floor.now() + lasting;
    changes.set(name, { ...jsonValue(name, value), expiresAt });
  }

  delete(name: FieldName<Data>): void {
    this.#open(name).delete(name);
  }

  flash(name: string, value: unknown): void {
    this.#open(name).flash(name, jsonValue(name, value).json);
  }

  takeFlash(name: string): unknown {
    this.#seen = true;
    // After the commit it can no longer be taken away, so it can no longer be taken.
    return this.#sealed ? undefined : (this.#changes ??= new Changes()).take(this.#fields(), name);
  }

  login(userId: string | null, data?: Partial<Data>, options: LoginOptions = {}): Reply<M, Started> {
    return this.#answer(() => {
      this.#checkOpen();
      const { steps, sessions, crossSite } = this.#floor;
      // Without a session's cookie nothing was refused yet, and somebody could be logged in as somebody else.
      if (this.#carrier.kind === "cookie") crossSite?.(this.#request);
      const { keepFields = true, ...lifetimes } = options;
      const changes = this.#changes;
      const fields = this.#fieldsForLogin(userId, data, keepFields);
      return steps.chain(this.#makeRoomFor(userId), () =>
        steps.chain(sessions.create(userId, fields, lifetimes), (created) => {
          if (this.#changes === changes) this.#changes = undefined;
          const { id, expiresAt } = created;
          const token = this.#carrier.kind === "cookie" ? undefined : this.#carrier.sign(created.token);
          return steps.chain(this.#replaceBy(created), () => steps.of<Started>({ id, expiresAt, token }));
        }),
      );
    });
  }

  destroy(): Reply<M, boolean> {
    return this.#answer(() => this.#end((session) => this.#floor.sessions.destroy(session.id)));
  }

  logout({ everywhere = false }: LogoutOptions = {}): Reply<M, boolean> {
    return this.#answer(() => {
      const { steps, sessions } = this.#floor;
      const ended = this.#end((session) => {
        const own = sessions.destroy(session.id);
        if (!everywhere || session.userId === null) return own;
        const { userId } = session;
        return steps.chain(own, (live) =>
          steps.chain(sessions.destroyByUser(userId), (others) => steps.of(live || others > 0)),
        );
      });
      return steps.chain(ended, (live) => {
        this.#loggedOut = true;
        return steps.of(live);
      });
    });
  }

  rotate(): void {
    this.#checkOpen();
    this.#rotate = true;
  }

  reauthenticate(options: { readonly for?: Duration } = {}): Reply<M, boolean> {
    return this.#answer(() => {
      this.#checkOpen();
      const { steps, sessions } = this.#floor;
      const id = (this.#locked ?? this.#session)?.id;
      if (id === undefined) return steps.of(false);
      return steps.chain(sessions.reauthenticate(id, options), (session) => {
        this.#locked = undefined;
        this.#session = session;
        this.#rotate = session !== undefined;
        return steps.of(session !== undefined);
      });
    });
  }

  commit(target: CommitTarget, options: CommitOptions = {}): Reply<M, boolean> {
    const status = options.status ?? (isNodeResponse(target) ? target.statusCode : 200);
    return this.#answer(() => {
      const { steps } = this.#floor;
      if (this.#committed !== undefined) return this.#repeat(target, status);
      if (status >= 500) return this.#abandon();
      this.#sealed = true;
      if (!this.#hasWork()) return steps.of(this.#finish(target, true));
      return recover(
        this.#floor.mode,
        () => steps.chain(this.#write(), (kept) => steps.of(this.#finish(target, kept))),
        (error) => {
          this.#sealed = false;
          throw error;
        },
      );
    });
  }

  #fields(): Fields {
    return (this.#session?.data as Fields | undefined) ?? NO_FIELDS;
  }

  #checkOpen(): void {
    if (!this.#sealed) return;
    throw new TypeError("The session was committed with the response's headers: a change has to come before them");
  }

  #open(name: string): Changes {
    this.#checkOpen();
    if (typeof name !== "string" || name === RESERVED) {
      throw new TypeError(`Expected the name of a field, other than "${RESERVED}", got ${show(name)}`);
    }
    return (this.#changes ??= new Changes());
  }

  /** A call whose faults arrive as its answer does: thrown, or as a rejection. */
  #answer<T>(make: () => Reply<M, T>): Reply<M, T> {
    return answer(this.#floor.mode, make);
  }

  #fieldsForLogin(userId: string | null, data: Partial<Data> | undefined, keepFields: boolean): Data {
    const now = this.#floor.now();
    const before = this.#session;
    const isOwn = before !== undefined && (before.userId === null || before.userId === userId);
    const kept = keepFields ? (this.#changes ?? new Changes()).apply(isOwn ? this.#fields() : NO_FIELDS, now) : {};
    const given = new Changes();
    for (const [name, value] of Object.entries(data ?? {})) {
      if (name === RESERVED) throw new TypeError(`Expected fields other than "${RESERVED}"`);
      if (value !== undefined) given.set(name, { ...jsonValue(name, value), expiresAt: undefined });
    }
    return given.apply(kept, now) as Data;
  }

  /** Where users have a limit, a login over the user's own session must not count that one. */
  #makeRoomFor(userId: string | null): Reply<M, unknown> {
    const { steps, sessions } = this.#floor;
    const before = this.#session;
    if (sessions.policy.maxPerUser === undefined || before === undefined || before.userId !== userId) {
      return steps.of(undefined);
    }
    return sessions.destroy(before.id);
  }

  /**
   * Takes a new session for the present one. The one that the request brought ends with the commit, so that a login
   * whose response fails has changed nothing; one that began in this very request is known to nobody, and ends now.
   */
  #replaceBy(created: SessionWithToken<Data>): Reply<M, unknown> {
    const { steps, sessions } = this.#floor;
    const { token, ...session } = created;
    const before = this.#session;
    const wasBegun = this.#begun;
    if (!wasBegun) this.#replaced = before?.id ?? this.#locked?.id;
    this.#locked = undefined;
    this.#session = session;
    this.#token = token;
    this.#begun = true;
    this.#handAnew = true;
    this.#destroyed = false;
    this.#rotate = false;
    return wasBegun && before !== undefined ? sessions.destroy(before.id) : steps.of(undefined);
  }

  /** Ends what there is, in the store first: if that fails, nobody is told that it has ended. */
  #end(destroy: (session: Session<Data>) => Reply<M, boolean>): Reply<M, boolean> {
    const { steps, sessions } = this.#floor;
    const session = this.#session ?? this.#locked;
    const replaced = this.#replaced;
    const first = replaced === undefined ? steps.of(false) : sessions.destroy(replaced);
    return steps.chain(first, (oldWasLive) =>
      steps.chain(session === undefined ? steps.of(false) : destroy(session), (wasLive) => {
        this.#session = undefined;
        this.#locked = undefined;
        this.#token = undefined;
        this.#changes = undefined;
        this.#replaced = undefined;
        this.#begun = false;
        this.#handAnew = false;
        this.#rotate = false;
        this.#destroyed = true;
        return steps.of(wasLive || oldWasLive);
      }),
    );
  }

  #hasWork(): boolean {
    return this.#rotate || this.#replaced !== undefined || (this.#changes !== undefined && !this.#changes.isEmpty);
  }

  /** Ends the replaced session, writes what was set, makes a new token. Whether all that was set is kept. */
  #write(): Reply<M, boolean> {
    const { steps, sessions } = this.#floor;
    const replaced = this.#replaced;
    const ended = replaced === undefined ? steps.of(true) : sessions.destroy(replaced);
    return steps.chain(ended, () => {
      this.#replaced = undefined;
      return steps.chain(this.#writeChanges(), (kept) =>
        this.#rotate && this.#session !== undefined ? this.#writeRotation() : steps.of(kept),
      );
    });
  }

  #writeChanges(): Reply<M, boolean> {
    const { steps, sessions } = this.#floor;
    const changes = this.#changes;
    if (changes === undefined || changes.isEmpty) return steps.of(true);
    const make = (data: Fields): Fields => changes.apply(data, this.#floor.now());
    const before = this.#session;
    if (before === undefined) {
      const fields = make(NO_FIELDS);
      // What was set and deleted again leaves nothing to keep.
      if (Object.keys(fields).length === 0) return steps.of(true);
      return steps.chain(sessions.create(null, fields as Data), (created) => {
        this.#changes = undefined;
        checkReserved(fields, created);
        return steps.chain(this.#replaceBy(created), () => steps.of(true));
      });
    }
    let written = NO_FIELDS;
    const update = (data: Data): Data => (written = make(data as Fields)) as Data;
    return steps.chain(sessions.update(before.id, update), (session) => {
      this.#changes = undefined;
      // It was ended meanwhile. Its cookie is left alone: the browser may already have another one.
      if (session === undefined) this.#forget();
      else {
        checkReserved(written, session);
        this.#session = session;
      }
      return steps.of(session !== undefined);
    });
  }

  #writeRotation(): Reply<M, boolean> {
    const { steps, sessions } = this.#floor;
    return steps.chain(sessions.rotate(this.#token), (rotated) => {
      this.#rotate = false;
      if (rotated === undefined) {
        this.#forget();
        return steps.of(false);
      }
      const { token, ...session } = rotated;
      this.#session = session;
      this.#token = token;
      this.#handAnew = true;
      return steps.of(true);
    });
  }

  #forget(): void {
    this.#session = undefined;
    this.#token = undefined;
    this.#handAnew = false;
  }

  /** A response that failed: nothing is written, and a session that the client will never hear of ends. */
  #abandon(): Reply<M, boolean> {
    const { steps, sessions, mode } = this.#floor;
    const kept = !this.#hasWork();
    const begun = this.#begun ? this.#session : undefined;
    this.#sealed = true;
    this.#changes = undefined;
    this.#committed = { headers: undefined, kept };
    if (begun === undefined) return steps.of(kept);
    this.#forget();
    // The response is an error already; what cannot be ended now, nobody can use, and it expires.
    return recover(
      mode,
      () => steps.chain(sessions.destroy(begun.id), () => steps.of(kept)),
      () => steps.of(kept),
    );
  }

  #finish(target: CommitTarget, kept: boolean): boolean {
    const headers = this.#headerChanges();
    this.#committed = { headers, kept };
    if (headers !== undefined) setHeaders(target, headers);
    return kept;
  }

  #repeat(target: CommitTarget, status: number): Reply<M, boolean> {
    const { headers, kept } = this.#committed ?? { headers: undefined, kept: true };
    if (headers !== undefined && status < 500) setHeaders(target, headers);
    return this.#floor.steps.of(kept);
  }

  #headerChanges(): HeaderChanges | undefined {
    const { vary, clearSiteData, now } = this.#floor;
    const carrier = this.#carrier;
    const session = this.#session;
    if (this.#handAnew && session !== undefined && this.#token !== undefined) {
      const handed = carrier.hand(carrier.sign(this.#token), session.expiresAt, now());
      return { ...handed, clearSiteData: undefined, vary };
    }
    if (this.#destroyed) {
      const setCookie = this.#presented ? carrier.removal : undefined;
      return { setCookie, credential: undefined, clearSiteData: this.#loggedOut ? clearSiteData : undefined, vary };
    }
    return this.#seen ? this.#floor.seen : undefined;
  }
}

function readOwn(changes: Changes | undefined, fields: Fields, name: string, now: () => number): unknown {
  return (changes ?? NO_CHANGES).read(fields, name, now);
}

const NO_CHANGES = new Changes();

/** @throws InvalidDataError if the manager's schema has dropped what stands under the reserved name */
function checkReserved(written: Fields, session: { readonly data: unknown }): void {
  if (!hasReserved(written) || hasReserved(session.data as Fields)) return;
  throw new InvalidDataError(
    `Expected the schema to let the field "${RESERVED}" through, which flash values and fields with a ttl need`,
  );
}
