/** The listeners of a manager, and the events that several calls emit. Without a listener, an event costs one look at a field. */
import { show } from "../show.ts";
import type { Head, Unsubscribe } from "../store/store.ts";
import type { ToldEnd } from "./ends/session-end.ts";
import { endReason } from "./lifecycle.ts";
import { readableRecord, sessionHead } from "./record.ts";
import type { EndReason, RejectionReason, SessionEvents } from "./session.ts";

/** The event's type is fixed by `on` and `emit`; in between, one list is like the other. */
type Listener = (event: never) => unknown;

/** The listeners of one manager. */
export interface EventHub<Data> {
  /** Whether anybody listens to a type: ask before making an event. */
  listens(type: keyof SessionEvents<Data>): boolean;
  emit<Type extends keyof SessionEvents<Data>>(type: Type, event: SessionEvents<Data>[Type]): void;
  on<Type extends keyof SessionEvents<Data>>(
    type: Type,
    listener: (event: SessionEvents<Data>[Type]) => unknown,
  ): Unsubscribe;
  /** Calls a listener. What it throws, or rejects with, harms nobody. */
  tell<Event>(listener: (event: Event) => unknown, event: Event): void;
  /** Told of the ends that it awaits, whether or not anybody listens to `ended`. */
  ends: EndsAwaited | undefined;
}

/** Whoever waits for the ends of some sessions. */
export interface EndsAwaited {
  awaits(id: string): boolean;
  ended(head: Head, end: ToldEnd): void;
}

/**
 * @param onListenerError told what a listener threw; by default it is thrown again, in a promise of its own, and so is
 *   what `onListenerError` throws itself
 */
export function eventHub<Data>(onListenerError: (error: unknown) => void = throwLater): EventHub<Data> {
  const listeners: Record<keyof SessionEvents<Data>, readonly Listener[]> = {
    created: [],
    refreshed: [],
    updated: [],
    rotated: [],
    reauthenticated: [],
    ended: [],
    rejected: [],
    conflicted: [],
  };
  function report(error: unknown): void {
    try {
      onListenerError(error);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  function tell<Event>(listener: (event: Event) => unknown, event: Event): void {
    try {
      const reply = listener(event);
      // A listener may be an async function: what it rejects with must reach the same place.
      if (reply instanceof Promise) reply.catch(report);
    } catch (error) {
      report(error);
    }
  }

  return {
    ends: undefined,
    tell,
    listens: (type) => listeners[type].length > 0,
    emit(type, event) {
      // The array is replaced, never changed, so that a listener may subscribe or unsubscribe others.
      for (const listener of listeners[type]) tell<never>(listener, event as never);
    },
    on(type, listener) {
      if (!Object.hasOwn(listeners, type)) {
        throw new TypeError(`Expected one of ${Object.keys(listeners).join(", ")}, got ${show(type)}`);
      }
      if (typeof listener !== "function") {
        throw new TypeError(`Expected a listener to be a function, got ${show(listener)}`);
      }
      // Its own function, so that the same one subscribed twice is called twice and ends apart.
      let isOn = true;
      // Another listener of the same event may have called this one off.
      const own: typeof listener = (event) => (isOn ? listener(event) : undefined);
      listeners[type] = [...listeners[type], own];
      return () => {
        isOn = false;
        listeners[type] = listeners[type].filter((other) => other !== own);
      };
    },
  };
}

/** Reports the end of removed sessions: each with its own reason if its time was up, else with the given one. */
export function reportEnds(
  events: EventHub<never>,
  heads: readonly Head[],
  now: number,
  otherwise: EndReason | ((head: Head) => EndReason),
): void {
  for (const head of heads) {
    const awaited = events.ends?.awaits(head.key) === true ? events.ends : undefined;
    if (awaited === undefined && !events.listens("ended")) continue;
    const record = readableRecord(head);
    if (record === undefined) continue;
    const reason = endReason(head, record, now, typeof otherwise === "function" ? otherwise(head) : otherwise);
    awaited?.ended(head, { reason, at: now, record });
    if (events.listens("ended")) events.emit("ended", { session: sessionHead(head, record), reason, at: now });
  }
}

/** By the policy of a manager, which nobody else has. */
const tellers = new WeakMap<object, EventHub<never>["tell"]>();

/** Lets those who have listeners beside a manager's, such as connections, call them as it calls its own. */
export function shareTell(policy: object, { tell }: EventHub<never>): void {
  tellers.set(policy, tell);
}

/** How the manager with a policy calls a listener: what it throws is told to `onListenerError`. */
export function tellOf(policy: object): EventHub<never>["tell"] {
  return tellers.get(policy) ?? eventHub<never>().tell;
}

/** Reports a token that lets nobody in. Whoever calls answers with absence: the `undefined` that this returns. */
export function reportRejection(
  events: EventHub<never>,
  reason: RejectionReason,
  id: string | null,
  at: number,
): undefined {
  if (events.listens("rejected")) events.emit("rejected", { id, reason, at });
}

/** Reports that a change of a session came second. */
export function reportConflict(events: EventHub<never>, id: string, at: number): void {
  if (events.listens("conflicted")) events.emit("conflicted", { id, at });
}

function throwLater(error: unknown): void {
  void rejected(error);
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}
