/** A store whose faults are written in advance: which call, which time, and what goes wrong. */
import { StoreError } from "../errors.ts";
import { replies, type Mode, type Reply } from "../store/reply.ts";
import type { Begun, Store } from "../store/store.ts";

/**
 * The calls of a store that can be made to fail.
 *
 * @example
 * ```ts
 * import { memoryStore } from "sojourn";
 * import { faultyStore, type StoreCall } from "sojourn/testing";
 *
 * const calls: readonly StoreCall[] = ["get", "put"];
 * const store = faultyStore(memoryStore(), calls.map((call) => ({ call, nth: 1, fault: "fail" })));
 * console.log(store.mode); // sync
 * ```
 */
export type StoreCall = Exclude<keyof Store, "mode" | "guarantees" | "watch" | "watchRemovals" | "begin">;

/** One fault of a script. */
export type Fault = FaultOccasion &
  (
    | {
        /**
         * `"fail"`: nothing happened. `"lose-reply"`: it happened, and the reply was lost, so that the caller cannot
         * know. `"duplicate"`: it was delivered twice; the caller sees the first answer.
         */
        readonly fault: "fail" | "lose-reply" | "duplicate";
        /** What is thrown. @default a `StoreError`: `store_unavailable` for `"fail"`, `store_timeout` for `"lose-reply"` */
        readonly error?: Error;
      }
    | {
        /** `"hold"` keeps the request on its way until the gate opens, `"hold-reply"` the answer. Asynchronous stores only. */
        readonly fault: "hold" | "hold-reply";
        readonly gate: Gate;
      }
  );

interface FaultOccasion {
  readonly call: StoreCall;
  /** Which call of this name it befalls, counted from 1. @default every one */
  readonly nth?: number;
}

/** Something that calls wait at, until a test lets them go. No timer is involved. */
export interface Gate {
  /** Resolves when a call has arrived at the gate. */
  readonly reached: Promise<void>;
  /** Lets all calls go, those that wait and those to come. */
  open(): void;
  /** Arrives; resolves when the gate is open. */
  pass(): Promise<void>;
}

/**
 * A gate that is closed.
 *
 * @example
 * ```ts
 * import { createSessions, memoryStore } from "sojourn";
 * import { asyncStore, faultyStore, gate } from "sojourn/testing";
 *
 * const held = gate();
 * const store = faultyStore(asyncStore(memoryStore()), [{ call: "get", nth: 1, fault: "hold", gate: held }]);
 * const sessions = createSessions({ store });
 * const { token, id } = await sessions.create("ann");
 * const slow = sessions.authenticate(token);
 * await held.reached;
 * await sessions.destroy(id); // while the look-up waits
 * held.open();
 * console.log(await slow); // undefined
 * ```
 */
export function gate(): Gate {
  const [reached, reach] = latch();
  const [opened, open] = latch();
  return {
    reached,
    open,
    async pass() {
      reach();
      return opened;
    },
  };
}

function latch(): [opened: Promise<void>, open: () => void] {
  let open: (() => void) | undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return [opened, () => open?.()];
}

/**
 * Wraps a store such that scripted faults befall its calls; all else passes unchanged. If several faults befall one
 * call, the first of the script is the closest to the caller.
 *
 * @example
 * ```ts
 * import { createSessions, memoryStore, StoreError } from "sojourn";
 * import { faultyStore } from "sojourn/testing";
 *
 * const sessions = createSessions({ store: faultyStore(memoryStore(), [{ call: "get", nth: 1, fault: "fail" }]) });
 * const { token } = sessions.create("ann");
 * try {
 *   sessions.authenticate(token);
 * } catch (error) {
 *   console.log(error instanceof StoreError); // true
 * }
 * console.log(sessions.authenticate(token)?.userId); // ann
 * ```
 * @throws TypeError if the script holds calls of a synchronous store
 */
export function faultyStore<M extends Mode>(store: Store<M>, script: readonly Fault[]): Store<M> {
  if (store.mode === "sync" && script.some(({ fault }) => fault === "hold" || fault === "hold-reply")) {
    throw new TypeError("Expected a script without gates: a synchronous store cannot wait");
  }
  const inject = injector(store.mode);
  const made = new Map<StoreCall, number>();

  function around<T>(call: StoreCall, make: () => Reply<M, T>): Reply<M, T> {
    const nth = (made.get(call) ?? 0) + 1;
    made.set(call, nth);
    let faulty = make;
    for (const fault of script.toReversed()) {
      if (fault.call !== call || (fault.nth ?? nth) !== nth) continue;
      const inner = faulty;
      faulty = () => inject(fault, inner);
    }
    return faulty();
  }

  const { watch, watchRemovals, propagated } = store;
  return {
    mode: store.mode,
    guarantees: store.guarantees,
    get: (key, now, options) => around("get", () => store.get(key, now, options)),
    put(entry, expected, now, begun) {
      // Begun when it is called, not when it arrives, nor again with a repeat.
      const first = begun ?? begunBy(store);
      return around("put", () => store.put(entry, expected, now, first));
    },
    begin: () => store.begin(),
    delete: (key, note) => around("delete", () => store.delete(key, note)),
    list: (options, now) => around("list", () => store.list(options, now)),
    close: () => around("close", () => store.close()),
    touch: (key, rev, to, now) => around("touch", () => store.touch(key, rev, to, now)),
    listByOwner: (owner, options, now) => around("listByOwner", () => store.listByOwner(owner, options, now)),
    revokeOwner: (owner, except, note) => around("revokeOwner", () => store.revokeOwner(owner, except, note)),
    count: (now) => around("count", () => store.count(now)),
    sweep: (now, limit) => around("sweep", () => store.sweep(now, limit)),
    ...(watch && { watch: (onChange) => watch.call(store, onChange) }),
    ...(watchRemovals && { watchRemovals: (onRemoved) => watchRemovals.call(store, onRemoved) }),
    ...(propagated && { propagated: () => around("propagated", () => propagated.call(store)) }),
  };
}

/** What a store knows now. One that cannot say, such as a closed one, will say why when it is asked for more. */
function begunBy(store: Store): Begun | undefined {
  try {
    return store.begin();
  } catch {
    return undefined;
  }
}

function injector<M extends Mode>(mode: M): <T>(fault: Fault, make: () => Reply<M, T>) => Reply<M, T> {
  const { of, chain } = replies(mode);
  const thenThrow = <T>(reply: Reply<M, unknown>, error: Error): Reply<M, T> =>
    chain(reply, (): Reply<M, T> => {
      throw error;
    });

  return <T>(fault: Fault, make: () => Reply<M, T>): Reply<M, T> => {
    const { call } = fault;
    if (fault.fault === "hold" || fault.fault === "hold-reply") {
      // A script with gates is only accepted for an asynchronous store, so here a reply is a promise.
      return holdAt(fault.gate, fault.fault, make as () => Promise<T>) as Reply<M, T>;
    }
    if (fault.fault === "fail") {
      const error = fault.error ?? new StoreError("store_unavailable", `Scripted: ${call} did not arrive`);
      return thenThrow(of(undefined), error);
    }
    if (fault.fault === "lose-reply") {
      return thenThrow(
        make(),
        fault.error ?? new StoreError("store_timeout", `Scripted: the reply to ${call} was lost`),
      );
    }
    return chain(make(), (first: T) => chain(make(), () => of(first)));
  };
}

async function holdAt<T>(gate: Gate, what: "hold" | "hold-reply", make: () => Promise<T>): Promise<T> {
  if (what === "hold") {
    await gate.pass();
    return make();
  }
  const answer = await make();
  await gate.pass();
  return answer;
}
