/**
 * The sessions of which something is held in this process: who is told of the end of each, and what is known of it.
 *
 * Under the id of an adopted token several can be watched: one that has ended and of which no word came yet, and the one
 * that follows it. Whoever begins to watch such an id means the one that is there now, and never joins another one.
 *
 * What is known is either sure, and then it holds until the deadline, unless an end is told; or the store has to be asked.
 */
import type { Entry, Head } from "../../store/store.ts";
import { expiryReason } from "../lifecycle.ts";
import { decodeRecord } from "../record.ts";
import { keptControllers, type KeptController, type KeptControllers, type SessionSignal } from "./abort-signal.ts";
import type { EndsAwaited } from "../events.ts";
import { Deadlines, type Dated } from "./deadlines.ts";
import { identityOf, SessionEndedError, sessionEnd, type SessionEnd, type ToldEnd } from "./session-end.ts";

export type EndListener = (end: SessionEnd) => unknown;

/** A session that is watched. */
export interface Watched extends Dated {
  readonly id: string;
  /** Which session it is; `undefined` until the store has said so. */
  identity: string | undefined;
  absoluteExpiresAt: number;
  /** Whether it is watched no more. */
  isOver: boolean;
  controller: KeptController | undefined;
  /** None until somebody listens: most are watched by a signal alone. */
  listeners: Set<EndListener> | undefined;
  /** What was told under its id before the store has said which session it is. */
  told: readonly (readonly [head: Head, end: ToldEnd])[];
}

const NONE: readonly never[] = Object.freeze([]);

export class WatchedSessions implements EndsAwaited {
  /** By id, the one that was added last. */
  readonly #all = new Map<string, Watched>();
  /** The others under the same id. */
  readonly #others = new Map<string, Set<Watched>>();
  readonly #deadlines = new Deadlines<Watched>();
  /** Those that the store has to be asked about. */
  readonly unsure: Set<Watched> = new Set();
  readonly #controllers: KeptControllers<Watched> = keptControllers((watched) => this.#forgetUnheld(watched));
  readonly #tell: (listener: EndListener, end: SessionEnd) => void;

  /** @param tell calls a listener, whatever that throws */
  constructor(tell: (listener: EndListener, end: SessionEnd) => void) {
    this.#tell = tell;
  }

  /** Under how many ids something is watched. */
  get size(): number {
    return this.#all.size;
  }

  /** The instant at which a session may be due. */
  get nextDeadline(): number {
    return this.#deadlines.next;
  }

  get(id: string): Watched | undefined {
    return this.#all.get(id);
  }

  /** All that are watched under an id. */
  under(id: string): readonly Watched[] {
    const last = this.#all.get(id);
    return last === undefined ? NONE : [last, ...(this.#others.get(id) ?? NONE)];
  }

  /** The one of them that is the session of an entry. @throws StoreError `store_corrupt` if it is not a session */
  watching(entry: Entry): Watched | undefined {
    const identity = identityOf(entry, decodeRecord(entry));
    return this.under(entry.key).find((watched) => watched.identity === identity);
  }

  awaits(id: string): boolean {
    return this.#all.has(id);
  }

  has(watched: Watched): boolean {
    return !watched.isOver;
  }

  /** Begins to watch an id; the store has to be asked. */
  add(id: string): Watched {
    const watched: Watched = {
      id,
      expiresAt: Number.POSITIVE_INFINITY,
      place: -1,
      placedAt: 0,
      identity: undefined,
      absoluteExpiresAt: Number.POSITIVE_INFINITY,
      isOver: false,
      controller: undefined,
      listeners: undefined,
      told: NONE,
    };
    const before = this.#all.get(id);
    if (before !== undefined) {
      const others = this.#others.get(id) ?? new Set();
      this.#others.set(id, others.add(before));
    }
    this.#all.set(id, watched);
    this.unsure.add(watched);
    return watched;
  }

  signal(watched: Watched): SessionSignal {
    const before = watched.controller?.deref();
    if (before !== undefined) return before.signal;
    watched.controller = this.#controllers(watched);
    // It was made just now.
    return watched.controller.deref()!.signal;
  }

  listen(watched: Watched, listener: EndListener): void {
    (watched.listeners ??= new Set()).add(listener);
  }

  /** One listener less; what nobody watches any more goes. */
  unlisten(watched: Watched, listener: EndListener): void {
    watched.listeners?.delete(listener);
    this.#forgetUnheld(watched);
  }

  /** A session of which nothing is held any more needs not be watched. */
  #forgetUnheld(watched: Watched): void {
    if ((watched.listeners?.size ?? 0) === 0 && watched.controller?.deref() === undefined) this.#forget(watched);
  }

  /** A session was extended here. */
  extend(id: string, expiresAt: number): void {
    const watched = this.#all.get(id);
    if (watched !== undefined && expiresAt > watched.expiresAt) watched.expiresAt = expiresAt;
    // The others ask when theirs is up.
  }

  /** One is not sure any more. */
  doubt(watched: Watched): void {
    if (this.has(watched)) this.unsure.add(watched);
  }

  /** Nothing is sure any more. */
  doubtAll(): void {
    for (const watched of this.all()) this.unsure.add(watched);
  }

  /** Those whose time seems to be up are not sure any more. */
  doubtDue(now: number): void {
    for (let due = this.#deadlines.takeDue(now); due !== undefined; due = this.#deadlines.takeDue(now)) {
      this.unsure.add(due);
    }
  }

  /** Whether it is sure that what is watched under an id lives, as far as was told. */
  isSure(id: string, now: number): boolean {
    const watched = this.#all.get(id);
    if (watched === undefined || !this.#isSure(watched, now)) return false;
    if (this.#others.size === 0) return true;
    for (const other of this.#others.get(id) ?? NONE) if (!this.#isSure(other, now)) return false;
    return true;
  }

  #isSure(watched: Watched, now: number): boolean {
    return now < watched.expiresAt && !this.unsure.has(watched);
  }

  /** An end was told. Which session of an id it was counts. */
  ended(head: Head, end: ToldEnd): void {
    for (const watched of this.under(head.key)) {
      if (watched.identity === undefined) watched.told = [...watched.told, [head, end]];
      else if (watched.identity === identityOf(head, end.record)) this.end(watched, sessionEnd(head, end));
    }
  }

  /**
   * What the store has under the id, read before its expiry or after it.
   *
   * @returns whether it is settled; it is not if nothing is there, since who removed it may still be told
   * @throws StoreError `store_corrupt` if it is not a session
   */
  found(watched: Watched, entry: Entry | undefined, now: number): boolean {
    if (!this.has(watched)) return true;
    if (entry === undefined) return false;
    const record = decodeRecord(entry);
    const identity = identityOf(entry, record);
    if (watched.identity !== undefined && watched.identity !== identity) return false;
    watched.identity = identity;
    this.#doubtFormer(watched);
    const { told } = watched;
    watched.told = NONE;
    const past = told.find(([head, end]) => identityOf(head, end.record) === identity);
    if (past !== undefined) this.end(watched, sessionEnd(...past));
    else if (now >= entry.expiresAt) {
      this.end(watched, sessionEnd(entry, { reason: expiryReason(entry, record), at: now, record }));
    } else {
      const known = Number.isFinite(watched.expiresAt) ? watched.expiresAt : entry.expiresAt;
      watched.expiresAt = Math.max(known, entry.expiresAt);
      watched.absoluteExpiresAt = record.absoluteExpiresAt;
      this.unsure.delete(watched);
      this.#deadlines.add(watched);
    }
    return true;
  }

  /** Those that another session has followed under their id: their ends are on the way. */
  #doubtFormer({ id, identity }: Watched): void {
    if (!this.#others.has(id)) return;
    for (const other of this.under(id)) {
      if (other.identity !== undefined && other.identity !== identity) this.unsure.add(other);
    }
  }

  /** The session is not there, and all that was to be told has been. */
  gone(watched: Watched, now: number): void {
    if (!this.has(watched)) return;
    const last = watched.told.at(-1);
    if (last !== undefined) return this.end(watched, sessionEnd(...last));
    const { id, expiresAt, absoluteExpiresAt } = watched;
    // Nobody has told, and its time is up: a store may reclaim by itself what has expired.
    const expired = expiresAt >= absoluteExpiresAt ? "expired-absolute" : "expired-idle";
    this.end(watched, { id, session: undefined, reason: now < expiresAt ? "unknown" : expired, at: now });
  }

  /** Whether some live cannot be told. */
  lost(which: Iterable<Watched>, now: number): void {
    for (const watched of which) {
      if (this.has(watched)) this.end(watched, { id: watched.id, session: undefined, reason: "lost", at: now });
    }
  }

  /** All of them, as they are now. */
  all(): readonly Watched[] {
    const all = [...this.#all.values()];
    for (const others of this.#others.values()) all.push(...others);
    return all;
  }

  end(watched: Watched, end: SessionEnd): void {
    this.#forget(watched);
    Object.freeze(end);
    watched.controller?.deref()?.abort(new SessionEndedError(end));
    // Without those that an earlier one has called off meanwhile.
    for (const listener of watched.listeners ?? NONE) this.#tell(listener, end);
  }

  #forget(watched: Watched): void {
    if (!this.has(watched)) return;
    watched.isOver = true;
    this.#takeOut(watched);
    this.unsure.delete(watched);
    this.#deadlines.remove(watched);
  }

  #takeOut(watched: Watched): void {
    const { id } = watched;
    const others = this.#others.get(id);
    if (this.#all.get(id) !== watched) others?.delete(watched);
    else if (others === undefined) this.#all.delete(id);
    else {
      // There is one: a set that has become empty is not kept.
      const next = others.values().next().value as Watched;
      this.#all.set(id, next);
      others.delete(next);
    }
    if (others?.size === 0) this.#others.delete(id);
  }
}
