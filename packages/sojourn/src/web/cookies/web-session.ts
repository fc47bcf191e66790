/** The session of one request, as the application uses it. */
import type { SessionSignal } from "../../sessions/ends/abort-signal.ts";
import type { Session } from "../../sessions/session.ts";
import { checkOptions } from "../../options.ts";
import { show } from "../../show.ts";
import { run, type Mode, type Reply, type Steps } from "../../store/reply.ts";
import { parseLifetime, type Duration } from "../../time/duration.ts";
import { CallQueue } from "./call-queue.ts";
import { Changes, jsonValue, readField, RESERVED } from "./changes.ts";
import { commit, isUnchanged } from "./commit.ts";
import { devices, logoutDevice, logoutOthers } from "./devices.ts";
import { checkTarget, isNodeResponse, type CommitTarget } from "./http-messages.ts";
import { destroy, ensureId, login, logout, reauthenticate } from "./login.ts";
import type {
  CommitOptions,
  FieldName,
  FlashValue,
  LoginOptions,
  LogoutOptions,
  RequestSession,
  SetOptions,
  Started,
  UserDevice,
} from "./request-session.ts";
import {
  checkOpen,
  checkWritable,
  requestState,
  storedFields,
  type Presented,
  type RequestState,
  type Resumed,
} from "./request-state.ts";

/** Its state is in a private field, so that nothing that prints or serialises the object shows the token. */
export class WebSession<Data, M extends Mode> implements RequestSession<Data, M> {
  readonly #state: RequestState<Data, M>;

  constructor(presented: Presented<Data, M>, resumed: Resumed<Data>) {
    this.#state = requestState(presented, resumed);
  }

  get id(): string | undefined {
    return this.#look().session?.id;
  }
  get userId(): string | null {
    return this.#look().session?.userId ?? null;
  }
  get isNew(): boolean {
    return this.#look().isNew;
  }
  get createdAt(): number | undefined {
    return this.#look().session?.createdAt;
  }
  get expiresAt(): number | undefined {
    return this.#look().session?.expiresAt;
  }
  get reauthenticatedUntil(): number | undefined {
    return this.#look().session?.reauthenticatedUntil;
  }
  get locked(): Session<Data> | undefined {
    return this.#look().locked;
  }
  get signal(): SessionSignal | undefined {
    const { session, context } = this.#look();
    return session === undefined ? undefined : context.sessions.signal(session.id);
  }
  get data(): Partial<Data> {
    const { changes = new Changes(), context } = this.#look();
    const { [RESERVED]: _, ...fields } = changes.apply(storedFields(this.#state), context.now());
    return fields as Partial<Data>;
  }

  get isUnchanged(): boolean {
    return isUnchanged(this.#state);
  }

  ensureId(): Reply<M, string> {
    return this.#call(ensureId(this.#state));
  }

  get<Name extends FieldName<Data>>(name: Name): Readonly<Data>[Name] | undefined {
    const { changes, context } = this.#look();
    const fields = storedFields(this.#state);
    const value =
      changes === undefined ? readField(fields, name, context.now) : changes.read(fields, name, context.now);
    return value as Readonly<Data>[Name] | undefined;
  }

  set<Name extends FieldName<Data>>(name: Name, value: Data[Name], options?: SetOptions): void {
    checkOptions("set", options, { ttl: true });
    const ttl = options?.ttl;
    if (value === undefined) return this.delete(name);
    const lasting = ttl === undefined ? undefined : parseLifetime(ttl, "ttl");
    const expiresAt = lasting === undefined ? undefined : this.#state.context.now() + lasting;
    this.#change(name).set(name, { ...jsonValue(name, value), expiresAt });
  }

  delete(name: FieldName<Data>): void {
    this.#change(name).delete(name);
  }

  flash<Name extends string>(name: Name, value: FlashValue<Data, Name>): void {
    this.#change(name).flash(name, jsonValue(name, value).json);
  }

  takeFlash<Name extends string>(name: Name): FlashValue<Data, Name> | undefined {
    const state = this.#look();
    checkWritable(state);
    // After the commit it cannot be taken away any more, so it cannot be taken.
    const value = state.closed ? undefined : (state.changes ??= new Changes()).take(storedFields(state), name);
    return value as FlashValue<Data, Name> | undefined;
  }

  hasFlash(name: string): boolean {
    const { changes = new Changes() } = this.#look();
    return changes.hasFlash(storedFields(this.#state), name);
  }

  login(userId: string | null, data?: Partial<Data>, options: LoginOptions = {}): Reply<M, Started> {
    return this.#call(login(this.#state, userId, data, options));
  }

  destroy(): Reply<M, boolean> {
    return this.#call(destroy(this.#state), checkWritable);
  }

  logout(options?: LogoutOptions): Reply<M, boolean> {
    return this.#call(logout(this.#state, options?.everywhere ?? false), (state) => {
      checkOptions("logout", options, { everywhere: true });
      checkWritable(state);
    });
  }

  devices(): Reply<M, readonly UserDevice[]> {
    this.#look();
    return this.#call(devices(this.#state), anyTime);
  }

  logoutOthers(): Reply<M, number> {
    return this.#call(logoutOthers(this.#state), checkWritable);
  }

  logoutDevice(id: string): Reply<M, boolean> {
    return this.#call(logoutDevice(this.#state, id), checkWritable);
  }

  rotate(): void {
    checkOpen(this.#state);
    this.#state.rotate = true;
  }

  reauthenticate(options?: { readonly for?: Duration }): Reply<M, boolean> {
    return this.#call(reauthenticate(this.#state, options?.for), (state) => {
      checkOptions("reauthenticate", options, { for: true });
      checkOpen(state);
    });
  }

  commit(target: CommitTarget, options: CommitOptions = {}): Reply<M, boolean> {
    const state = this.#state;
    // The one call of every request: where it can only throw, nothing has to catch it.
    if (state.context.mode === "sync") return commit(state, checkTarget(target), options.status ?? statusOf(target));
    try {
      return commit(state, checkTarget(target), options.status ?? statusOf(target));
    } catch (error) {
      return Promise.reject(error) as Reply<M, boolean>;
    }
  }

  /** The state, for an answer that depends on it. */
  #look(): RequestState<Data, M> {
    this.#state.accessed = true;
    return this.#state;
  }

  #change(name: string): Changes {
    const state = this.#state;
    checkOpen(state);
    if (typeof name !== "string" || name === RESERVED) {
      throw new TypeError(`Expected the name of a field, other than "${RESERVED}", got ${show(name)}`);
    }
    if (state.locked !== undefined) {
      throw new TypeError("The session is locked: `reauthenticate`, or `login`, has to come before a change");
    }
    return (state.changes ??= new Changes());
  }

  /** A call that the commit waits for. What ends a session may come after the commit, too. */
  #call<T>(steps: Steps<T>, check: (state: RequestState<Data, M>) => void = checkOpen): Reply<M, T> {
    const state = this.#state;
    const { mode } = state.context;
    try {
      check(state);
    } catch (error) {
      if (mode === "sync") throw error;
      return Promise.reject(error) as Reply<M, T>;
    }
    if (mode === "sync") return run(mode, steps);
    return (state.calls ??= new CallQueue()).run(steps) as Reply<M, T>;
  }
}

const anyTime = (): void => {};

function statusOf(target: CommitTarget): number {
  return isNodeResponse(target) ? target.statusCode : 200;
}
