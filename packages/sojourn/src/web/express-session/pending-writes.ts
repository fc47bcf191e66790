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
