/** One store for many nodes, which tells every node's link what changes. */
import type { Entry, Head, Store } from "../../../../src/store/store.ts";
import { asyncStore, type AsyncStoreOptions } from "../../../../src/testing/async-store.ts";
import { emptySpace, naiveStore } from "../../support/naive-store.ts";
import { HeldLink } from "./held-link.ts";

export interface SharedNode {
  /** The store as this node reaches it, with a `watch`. */
  readonly store: Store<"async">;
  readonly link: HeldLink;
  /** How many gets have reached the store. */
  gets(): number;
}

export class SharedStore {
  readonly #space = emptySpace();
  readonly #links: HeldLink[] = [];
  /** The store itself, with nothing in between; its changes are told as well. */
  readonly itself: Store<"sync"> = this.#telling();

  node(options: AsyncStoreOptions = {}): SharedNode {
    const link = new HeldLink();
    this.#links.push(link);
    const told = this.#telling();
    let gets = 0;
    const counted: Store<"sync"> = { ...told, get: (key, now) => (gets++, told.get(key, now)) };
    return { store: { ...asyncStore(counted, options), watch: link.watch }, link, gets: () => gets };
  }

  #tell(...heads: readonly (Head | undefined)[]): void {
    for (const head of heads) if (head !== undefined) for (const link of this.#links) link.tell(head.key);
  }

  #telling(): Store<"sync"> {
    const store = naiveStore(this.#space);
    return {
      ...store,
      put: (entry: Entry, expected, now, begun) => {
        const put = store.put(entry, expected, now, begun);
        if (put.outcome === "stored") this.#tell(entry, ...put.removed);
        return put;
      },
      touch: (key, rev, to, now) => {
        const touched = store.touch(key, rev, to, now);
        if (touched) this.#tell(store.get(key, now));
        return touched;
      },
      delete: (key, note) => {
        const head = store.delete(key, note);
        this.#tell(head);
        return head;
      },
      revokeOwner: (owner, except, note) => {
        const heads = store.revokeOwner(owner, except, note);
        this.#tell(...heads);
        return heads;
      },
      sweep: (now, limit) => {
        const heads = store.sweep(now, limit);
        this.#tell(...heads);
        return heads;
      },
    };
  }
}
