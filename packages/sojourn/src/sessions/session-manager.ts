/** The session manager: the rules of `lifecycle.ts` over a store that is given. */
import { checkOptions } from "../options.ts";
import { show } from "../show.ts";
import { FRESH } from "../store/fresh-answers.ts";
import { replies, run, wait, type Mode, type Reply, type Steps } from "../store/reply.ts";
import type { Store, Unsubscribe } from "../store/store.ts";
import { parseSessionId } from "../tokens/token.ts";
import { authenticator, refreshed } from "./authenticate.ts";
import { creator } from "./create.ts";
import { dataCodec } from "./data.ts";
import { sessionOf } from "./decoded-entry.ts";
import { endings } from "./end.ts";
import type { EndedListener, EndsOfManager, SessionEnds } from "./ends/ends.ts";
import type { EndsOptions } from "./ends/ends-options.ts";
import { eventHub, shareTell } from "./events.ts";
import { explainer } from "./explain.ts";
import type { JsonFields } from "./json.ts";
import { listings } from "./list.ts";
import type { ManagerContext } from "./manager-context.ts";
import { resolvePolicy, type SessionsOptions } from "./options.ts";
import { reauthenticator } from "./reauthenticate.ts";
import { checkRequirements, checkStore } from "./requirements.ts";
import { rotator } from "./rotate.ts";
import type { Session, SessionEvents } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type { StandardSchema } from "./standard-schema.ts";
import { updater } from "./update.ts";

/** A manager whose schema says what it takes: `create` takes that, and the sessions' data is what the schema puts out. *
 * @example
 * ```ts
 * import { createSessions } from "sojourn/core";
 * import { sqliteStore } from "sojourn/sqlite";
 *
 * const sessions = createSessions({ store: sqliteStore({ path: ":memory:" }), ttl: "30m" });
 * console.log(sessions.count()); // 0
 * ```
 */
export function createSessionsOn<Data extends JsonFields<Data>, Input = Data, M extends Mode = Mode>(
  options: SessionsOptions<Data, M> & { readonly schema: StandardSchema<Data, Input>; readonly store: Store<M> },
): Sessions<Data, M, unknown extends Input ? Data : Input>;
/** A manager over a store that is synchronous: its calls return values. */
export function createSessionsOn<Data extends JsonFields<Data> = Record<string, unknown>>(
  options: SessionsOptions<Data, "sync"> & { readonly store: Store<"sync"> },
): Sessions<Data, "sync">;
/** A manager over a store that is asynchronous: its calls return promises. */
export function createSessionsOn<Data extends JsonFields<Data> = Record<string, unknown>>(
  options: SessionsOptions<Data, "async"> & { readonly store: Store<"async"> },
): Sessions<Data, "async">;
/** A manager over a store that is chosen at run time: its calls return values or promises; `await` takes both. */
export function createSessionsOn<Data extends JsonFields<Data> = Record<string, unknown>>(
  options: SessionsOptions<Data, Mode> & { readonly store: Store },
): Sessions<Data, Mode>;
/** Makes a session manager over the given store: `createSessions` of `sojourn/core`. @throws as `createSessions` does */
export function createSessionsOn<Data>(
  options: SessionsOptions<Data, Mode> & { readonly store: Store },
): Sessions<Data, Mode> {
  return sessionManager(options, options.ends);
}

/**
 * The same for calls of this library whose data has a type that only their caller knows.
 *
 * @param ends made by `sessionEnds`, or else nothing tells of ends
 */
export function sessionManager<Data>(
  options: SessionsOptions<Data, Mode> & { readonly store: Store },
  ends?: EndsOptions | SessionEnds,
): Sessions<Data, Mode> {
  const policy = resolvePolicy(options as SessionsOptions<never, Mode>);
  const { store } = options;
  checkStore(store);
  checkRequirements(store.guarantees, options.require ?? {});
  const events = eventHub<Data>(options.onListenerError);
  shareTell(policy, events);
  const told = endsOfManager({ store, policy, events }, ends);
  const context = { store, policy, codec: dataCodec(options.schema, policy, store.mode), events };
  const sessions = assemble<Data, Mode>(context, told);
  return Object.freeze(store.mode === "sync" ? sessions : rejecting(sessions));
}

function assemble<Data, M extends Mode>(context: ManagerContext<Data, M>, ends: EndsOfManager): Sessions<Data, M> {
  const { store, policy, events } = context;
  const { chain, of } = replies(store.mode);

  return {
    mode: store.mode,
    guarantees: store.guarantees,
    create: creator(context),
    authenticate: authenticator(context),
    get(id) {
      parseSessionId(id);
      return chain(store.get(id, policy.clock.now()), (entry) =>
        of(entry === undefined ? undefined : sessionOf(context, entry)),
      );
    },
    refresh: (id) => run(store.mode, refresh(id)),
    update: updater(context),
    rotate: rotator(context),
    reauthenticate: reauthenticator(context),
    ...endings(context),
    ...listings(context),
    count: () => store.count(policy.clock.now()),
    begin: () => store.begin(),
    explain: explainer(context),
    policy,
    on,
    listens: (type) => events.listens(type) || (type === "ended" && ends.hasListeners),
    signal: (id) => ends.signal(id),
    watch: (id, listener) => ends.watch(id, listener),
    ends: Object.freeze({
      isCurrent: (id: string) => ends.isCurrent(id),
      confirm: (id: string) => ends.confirm(id),
      close: () => ends.close(),
    }),
  };

  function on<Type extends keyof SessionEvents<Data>>(
    type: Type,
    listener: (event: SessionEvents<Data>[Type]) => unknown,
    options?: { readonly everywhere?: boolean },
  ): Unsubscribe {
    checkOptions("on", options, { everywhere: true });
    const everywhere = options?.everywhere ?? false;
    if (typeof everywhere !== "boolean") {
      throw new TypeError(`Expected \`everywhere\` to be true or false, got ${show(everywhere)}`);
    }
    if (!everywhere) return events.on(type, listener);
    if (type !== "ended") throw new TypeError(`Expected \`everywhere\` for \`ended\` only, got it for ${show(type)}`);
    return ends.onEnded(listener as EndedListener);
  }

  function* refresh(id: string): Steps<Session<Data> | undefined> {
    parseSessionId(id);
    const now = policy.clock.now();
    const entry = yield* wait(store.get(id, now, FRESH));
    return entry === undefined ? undefined : yield* refreshed(context, entry, now);
  }
}

function missing(): never {
  throw new TypeError("Expected `ends: sessionEnds()` in the options of `createSessions` of sojourn/core");
}

const NO_ENDS: EndsOfManager = Object.freeze({
  signal: missing,
  watch: missing,
  onEnded: missing,
  isCurrent: missing,
  confirm: missing,
  close: missing,
  hasListeners: false,
});

/** What tells of ends: a bundle of `sojourn/core` has it only if it is given. */
function endsOfManager(
  context: Omit<ManagerContext<never, Mode>, "codec">,
  given: EndsOptions | SessionEnds | undefined,
): EndsOfManager {
  if (given === undefined) return NO_ENDS;
  return "start" in given ? given.start(context) : missing();
}

/** A manager whose calls reject where they would throw, so that a caller of promises has one place for errors. */
function rejecting<Data>(sessions: Sessions<Data, Mode>): Sessions<Data, Mode> {
  const { mode, guarantees, policy, begin, on, listens, signal, watch, ends, ...calls } = sessions;
  const wrapped = Object.entries(calls).map(([name, call]) => [
    name,
    // Not an async function: that would put a promise around the promise of each call.
    (...given: readonly unknown[]): Reply<Mode, unknown> => {
      try {
        return (call as (...given: readonly unknown[]) => Reply<Mode, unknown>)(...given);
      } catch (error) {
        return Promise.reject(error);
      }
    },
  ]);
  return {
    mode,
    guarantees,
    policy,
    begin,
    on,
    listens,
    signal,
    watch,
    ends,
    ...(Object.fromEntries(wrapped) as typeof calls),
  };
}
