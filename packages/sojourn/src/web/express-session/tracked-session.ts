/** What this process remembers of sessions while requests work with them. */
import type { Entry } from "../../store/store.ts";
import type { Beginning } from "./known-ends.ts";

/** What a `Session` object of a request stands for. */
export interface TrackedSession {
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

/** A tracked session that was stored once. */
export type StoredSession = TrackedSession & { entry: Entry };

export function isStored(tracked: TrackedSession | undefined): tracked is StoredSession {
  return tracked?.entry !== undefined;
}

/** What was read from the store. */
export function trackedFrom(entry: Entry, beginning: Beginning, cookie?: object): StoredSession {
  const base = entry.value as string;
  return { sid: entry.key, beginning, base, cookie, entry, arriving: false, ended: false };
}

/** How many sessions that nobody has stored are remembered: those of the requests that run, and of those that came last. */
const MAX_UNSTORED = 10_000;

/** The generated sessions that are not stored yet, by id: most of a site's visitors never need theirs. */
export class UnstoredSessions {
  readonly #tracked = new Map<string, TrackedSession>();

  add(sid: string, beginning: Beginning): TrackedSession {
    const nothing = { base: "{}", cookie: undefined, entry: undefined };
    const tracked: TrackedSession = { sid, beginning, ...nothing, arriving: false, ended: false };
    this.#tracked.delete(sid);
    this.#tracked.set(sid, tracked);
    const [oldest] = this.#tracked.keys();
    if (this.#tracked.size > MAX_UNSTORED && oldest !== undefined) this.#tracked.delete(oldest);
    return tracked;
  }

  get(sid: string): TrackedSession | undefined {
    return this.#tracked.get(sid);
  }

  /** Forgets one that is stored now, or is not the session of its id any more. */
  remove(tracked: TrackedSession): void {
    if (this.#tracked.get(tracked.sid) === tracked) this.#tracked.delete(tracked.sid);
  }
}

/**
 * The writes of this process that are on their way, by session. express-session sends the head of an answer before
 * the session is saved, so a browser can follow a redirect before the store has what it needs there; a read waits.
 */
export class PendingWrites {
  readonly #writes = new Map<string, Promise<unknown>>();

  /** Remembers a write until it has ended, well or not. */
  add(sid: string, write: Promise<unknown>): void {
    const all = Promise.allSettled([this.#writes.get(sid), write]);
    this.#writes.set(sid, all);
    void all.then(() => this.#writes.get(sid) === all && this.#writes.delete(sid));
  }

  /** Resolves when the writes that are on their way now have ended; `undefined` if there are none. */
  of(sid: string): Promise<unknown> | undefined {
    return this.#writes.get(sid);
  }
}
