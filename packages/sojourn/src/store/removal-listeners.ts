/** Rule 17 of the store contract, for the watches of one process: who is told of what went, and with which note. */
import { StoreError } from "../errors.ts";
import { EVICTED, REPLACED, type Head, type Removed, type Watch } from "./store.ts";

type OnRemoved = (removed: Removed | null) => void;

/** The watches of one store. */
export interface RemovalListeners {
  /** Whether anybody watches: ask before making what they are told. */
  readonly isWatched: boolean;
  /** Tells of what went; of `null`, that some may be missing. */
  tell(removed: Removed | null): void;
  /** Tells of what a call has removed, all of it with its note. */
  tellAll(heads: readonly Head[], note: string): void;
  /** Tells of what a put has removed: each with the reason that its head shows. */
  tellPut(heads: readonly Head[], key: string, now: number): void;
  /**
   * One more watch.
   *
   * @param confirm what `confirm` of the watch does while it is open
   */
  watch(onRemoved: OnRemoved, confirm: () => Promise<void> | void): Watch;
}

export function removalListeners(): RemovalListeners {
  // Replaced, never changed, so that whoever is told may open and close watches.
  let listeners: readonly OnRemoved[] = [];

  function tell(removed: Removed | null): void {
    for (const listener of listeners) if (listeners.includes(listener)) listener(removed);
  }

  return {
    get isWatched() {
      return listeners.length > 0;
    },
    tell,
    tellAll(heads, note) {
      if (listeners.length === 0) return;
      for (const head of heads) tell(Object.freeze({ head, note }));
    },
    tellPut(heads, key, now) {
      if (listeners.length === 0) return;
      for (const head of heads) tell(Object.freeze({ head, note: noteOfPut(head, key, now) }));
    },
    watch(onRemoved, confirm) {
      const own: OnRemoved = (removed) => onRemoved(removed);
      listeners = [...listeners, own];
      return {
        async confirm() {
          if (!listeners.includes(own)) throw new StoreError("store_closed", "The watch is closed");
          await confirm();
        },
        async close() {
          listeners = listeners.filter((other) => other !== own);
        },
      };
    },
  };
}

/** With which note a put tells of a head that it has removed. */
export function noteOfPut(head: Head, key: string, now: number): string {
  if (now >= head.expiresAt) return "";
  return head.key === key ? REPLACED : EVICTED;
}
