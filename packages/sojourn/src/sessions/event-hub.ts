/** Who is told what happened. Nobody listening costs one look at a field. */
import { show } from "../show.ts";
import type { Unsubscribe } from "../store/store.ts";
import type { SessionEvents } from "./session.ts";

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
}

/** @param onListenerError told what a listener threw; by default it is thrown again, in a promise of its own */
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
  return {
    listens: (type) => listeners[type].length > 0,
    emit(type, event) {
      // The array is replaced, never changed, so that a listener may subscribe or unsubscribe others.
      for (const listener of listeners[type]) {
        try {
          const reply = listener(event as never);
          // A listener may be an async function: what it rejects with must reach the same place.
          if (reply instanceof Promise) reply.catch(onListenerError);
        } catch (error) {
          onListenerError(error);
        }
      }
    },
    on(type, listener) {
      if (!Object.hasOwn(listeners, type)) {
        throw new TypeError(`Expected one of ${Object.keys(listeners).join(", ")}, got ${show(type)}`);
      }
      if (typeof listener !== "function") {
        throw new TypeError(`Expected a listener to be a function, got ${show(listener)}`);
      }
      // Its own function, so that the same one subscribed twice is called twice and ends apart.
      const own: typeof listener = (event) => listener(event);
      listeners[type] = [...listeners[type], own];
      return () => {
        listeners[type] = listeners[type].filter((other) => other !== own);
      };
    },
  };
}

function throwLater(error: unknown): void {
  void rejected(error);
}

async function rejected(error: unknown): Promise<never> {
  throw error;
}
