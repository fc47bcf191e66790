/** A store whose word of removals, and whose proofs, come when the test says so, in order; or are lost. */
import { StoreError } from "../../../../src/errors.ts";
import type { Removed, Store, Watch } from "../../../../src/store/store.ts";

interface Message {
  readonly arrive: () => void;
  readonly lose?: () => void;
}

export interface HeldRemovals {
  readonly store: Store<"async">;
  /** Nothing arrives from now on; it waits. */
  hold(): void;
  /** All that waits arrives, and what comes. */
  release(): void;
  /** What is on its way is lost, and what is sent from now on; no proof can be given. */
  cut(): void;
  /** The way is there again. It says that it was not. */
  mend(): void;
  /** How often a proof was asked for. */
  readonly asked: number;
  /** How many watches are open. */
  readonly open: number;
}

export function heldRemovals(inner: Store<"async">): HeldRemovals {
  const sent: Message[] = [];
  let isHeld = false;
  let isCut = false;
  let asked = 0;
  let open = 0;
  const callbacks = new Set<(removed: Removed | null) => void>();

  function send(message: Message): void {
    if (isCut) message.lose?.();
    else if (isHeld) sent.push(message);
    else message.arrive();
  }

  function watchRemovals(onRemoved: (removed: Removed | null) => void): Watch {
    const watch = inner.watchRemovals!((removed) => send({ arrive: () => onRemoved(removed) }));
    callbacks.add(onRemoved);
    open++;
    return {
      async confirm() {
        asked++;
        await watch.confirm();
        await new Promise<void>((resolve, reject) =>
          send({ arrive: resolve, lose: () => reject(new StoreError("store_unavailable", "The way is cut")) }),
        );
      },
      async close() {
        open--;
        callbacks.delete(onRemoved);
        await watch.close();
      },
    };
  }

  return {
    store: { ...inner, watchRemovals },
    hold: () => void (isHeld = true),
    release() {
      isHeld = false;
      for (const { arrive } of sent.splice(0)) arrive();
    },
    cut() {
      isCut = true;
      for (const { lose } of sent.splice(0)) lose?.();
    },
    mend() {
      isCut = false;
      for (const callback of callbacks) send({ arrive: () => callback(null) });
    },
    get asked() {
      return asked;
    },
    get open() {
      return open;
    },
  };
}
