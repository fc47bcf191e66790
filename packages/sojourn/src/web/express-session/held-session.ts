/** What is remembered of a `Session` object while a request works with it. */
import type { Entry } from "../../store/store.ts";
import type { Beginning } from "./known-ends.ts";

/** A session as an object holds it. */
export interface Held {
  readonly sid: string;
  /** When the object was made. */
  readonly beginning: Beginning;
  /** The JSON of what the object was when it was last in step with the store. */
  base: string;
  /** The cookie in `base`, where it is known without parsing that. */
  cookie: object | undefined;
  /** The entry that this was, or became; none for a session that was generated and not stored yet. */
  entry: Entry | undefined;
  /** Whether the first write of a generated session is on its way. */
  arriving: boolean;
  /** Whether a generated session was destroyed before it was stored. */
  ended: boolean;
}

/** What an object holds that was read from the store. */
export function heldFrom(entry: Entry, beginning: Beginning, cookie?: object): Held {
  const base = entry.value as string;
  return { sid: entry.key, beginning, base, cookie, entry, arriving: false, ended: false };
}

/** How many sessions that nobody has stored are remembered: those of the requests that run, and of those that came last. */
const MAX_UNSTORED = 10_000;

/** The generated sessions that are not stored yet, by id: most of a site's visitors never need theirs. */
export class UnstoredSessions {
  readonly #held = new Map<string, Held>();

  add(sid: string, beginning: Beginning): Held {
    const nothing = { base: "{}", cookie: undefined, entry: undefined };
    const held: Held = { sid, beginning, ...nothing, arriving: false, ended: false };
    this.#held.delete(sid);
    this.#held.set(sid, held);
    const [oldest] = this.#held.keys();
    if (this.#held.size > MAX_UNSTORED && oldest !== undefined) this.#held.delete(oldest);
    return held;
  }

  get(sid: string): Held | undefined {
    return this.#held.get(sid);
  }

  /** Forgets one that is stored now, or is not the session of its id any more. */
  remove(held: Held): void {
    if (this.#held.get(held.sid) === held) this.#held.delete(held.sid);
  }
}
