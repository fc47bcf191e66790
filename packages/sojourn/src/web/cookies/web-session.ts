/** The session of one request, as the application has it in hand. */
import type { Session } from "../../sessions/session.ts";
import { show } from "../../show.ts";
import type { Mode, Reply } from "../../store/reply.ts";
import { parseDuration, type Duration } from "../../time/duration.ts";
import { Changes, jsonValue, readField, RESERVED } from "./changes.ts";
import { commit, isUnchanged } from "./commit.ts";
import { answer } from "./floor.ts";
import { end, login, logout } from "./login.ts";
import type {
  CommitOptions,
  FieldName,
  LoginOptions,
  LogoutOptions,
  RequestSession,
  SetOptions,
  Started,
} from "./request-session.ts";
import { requestState, storedFields, type Brought, type RequestState } from "./request-state.ts";
import { isNodeResponse, type CommitTarget } from "./response-headers.ts";

/** Its state is in a private field, so that nothing that prints or serialises the object shows the token. */
export class WebSession<Data, M extends Mode> implements RequestSession<Data, M> {
  readonly #state: RequestState<Data, M>;

  constructor(brought: Brought<Data, M>) {
    this.#state = requestState(brought);
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
  get data(): Partial<Data> {
    const { changes = new Changes(), floor } = this.#look();
    const { [RESERVED]: _, ...fields } = changes.apply(storedFields(this.#state), floor.now());
    return fields as Partial<Data>;
  }

  get isUnchanged(): boolean {
    return isUnchanged(this.#state);
  }

  get<Name extends FieldName<Data>>(name: Name): Readonly<Data>[Name] | undefined {
    const { changes, floor } = this.#look();
    const fields = storedFields(this.#state);
    const value = changes === undefined ? readField(fields, name, floor.now) : changes.read(fields, name, floor.now);
    return value as Readonly<Data>[Name] | undefined;
  }

  set<Name extends FieldName<Data>>(name: Name, value: Data[Name], { ttl }: SetOptions = {}): void {
    if (value === undefined) return this.delete(name);
    const lasting = ttl === undefined ? undefined : parseDuration(ttl, "ttl");
    const expiresAt = lasting === undefined ? undefined : this.#state.floor.now() + lasting;
    this.#change(name).set(name, { ...jsonValue(name, value), expiresAt });
  }

  delete(name: FieldName<Data>): void {
    this.#change(name).delete(name);
  }

  flash(name: string, value: unknown): void {
    this.#change(name).flash(name, jsonValue(name, value).json);
  }

  takeFlash(name: string): unknown {
    const state = this.#look();
    // After the commit it cannot be taken away any more, so it cannot be taken.
    return state.sealed ? undefined : (state.changes ??= new Changes()).take(storedFields(state), name);
  }

  login(userId: string | null, data?: Partial<Data>, options: LoginOptions = {}): Reply<M, Started> {
    return this.#answer(() => login(this.#open(), userId, data, options));
  }

  destroy(): Reply<M, boolean> {
    const state = this.#state;
    return this.#answer(() => end(state, ({ id }) => state.floor.sessions.destroy(id)));
  }

  logout({ everywhere = false }: LogoutOptions = {}): Reply<M, boolean> {
    return this.#answer(() => logout(this.#state, everywhere));
  }

  rotate(): void {
    this.#open().rotate = true;
  }

  reauthenticate(options: { readonly for?: Duration } = {}): Reply<M, boolean> {
    return this.#answer(() => {
      const state = this.#open();
      const { steps, sessions } = state.floor;
      const id = (state.session ?? state.locked)?.id;
      if (id === undefined) return steps.of(false);
      return steps.chain(sessions.reauthenticate(id, options), (session) => {
        state.locked = undefined;
        state.session = session;
        state.rotate = session !== undefined;
        return steps.of(session !== undefined);
      });
    });
  }

  commit(target: CommitTarget, options: CommitOptions = {}): Reply<M, boolean> {
    const status = options.status ?? (isNodeResponse(target) ? target.statusCode : 200);
    const state = this.#state;
    // The one call of every request: where it can only throw, nothing has to catch it.
    if (state.floor.mode === "sync") return commit(state, target, status);
    return this.#answer(() => commit(state, target, status));
  }

  /** The state, for an answer that depends on it. */
  #look(): RequestState<Data, M> {
    this.#state.seen = true;
    return this.#state;
  }

  /** The state, while it can still be changed. */
  #open(): RequestState<Data, M> {
    if (this.#state.sealed) {
      throw new TypeError("The session was committed with the response's headers: a change has to come before them");
    }
    return this.#state;
  }

  #change(name: string): Changes {
    const state = this.#open();
    if (typeof name !== "string" || name === RESERVED) {
      throw new TypeError(`Expected the name of a field, other than "${RESERVED}", got ${show(name)}`);
    }
    if (state.locked !== undefined) {
      throw new TypeError("The session is locked: `reauthenticate`, or `login`, has to come before a change");
    }
    return (state.changes ??= new Changes());
  }

  /** A call whose faults arrive as its answer does: thrown, or as a rejection. */
  #answer<T>(make: () => Reply<M, T>): Reply<M, T> {
    return answer(this.#state.floor.mode, make);
  }
}
