import { recentMap } from "../../store/recent-map.ts";
import type { Begun, Head } from "../../store/store.ts";

/** When a session, or a change of one, began. */
export interface Beginning {
  /** For the store, which knows what a `revokeOwner` has to refuse. */
  readonly begun: Begun;
  /** Its place in the order of what happened in this process. */
  readonly place: number;
  /** For people. */
  readonly date: number;
}

/** How many marks are known at most: those that were met or made last. */
const MAX_KNOWN = 10_000;

/**
 * The marks of deletion that this process has made or met, in the order of what happened here. No date can tell whether
 * a mark of another process is older than a session that began here, and no one can but who has met the mark before.
 */
export class KnownEnds {
  readonly #marks = recentMap<{ readonly place: number; readonly isOwn: boolean }>(MAX_KNOWN);
  #last = 0;

  /** A place in the order, behind all others. */
  next(): number {
    return ++this.#last;
  }

  /** This process makes a mark. */
  made(mark: Head): void {
    this.#marks.set(mark.rev, { place: this.next(), isOwn: true });
  }

  /** This process has met a mark, so that what begins from now on is later. */
  learn(mark: Head): void {
    if (this.#marks.get(mark.rev) === undefined) this.#marks.set(mark.rev, { place: this.next(), isOwn: false });
  }

  /** Whether a mark is earlier or later than what began here; `"unknown"` if that cannot be told. */
  orderOf(mark: Head, { place }: Beginning): "earlier" | "later" | "unknown" {
    const known = this.#marks.get(mark.rev);
    if (known === undefined) return "unknown";
    if (known.place < place) return "earlier";
    return known.isOwn ? "later" : "unknown";
  }
}
