/** What a store must do, said once more: an array of entries, the revocations in order, and a judge of answers. */
import { REPLACED, type Begun, type Entry, type Expected, type Head } from "../../../src/store/store.ts";
import type { Put, Store, Touch } from "../../../src/store/store.ts";
import { headOf, listAll, listOwned, sameEntry, sameHeads } from "../../../src/testing/ask.ts";
import { equal, holds } from "../../../src/testing/expect.ts";

/** One call of a store, as data. */
export type Operation =
  | { readonly call: "get"; readonly key: string; readonly now: number }
  | { readonly call: "begin"; readonly name: string }
  | {
      readonly call: "put";
      readonly entry: Entry;
      readonly expected: Expected;
      readonly now: number;
      /** The name of its beginning; none for a put that begins when it is called, with no revocation on its way. */
      readonly begun?: string | undefined;
    }
  | { readonly call: "touch"; readonly key: string; readonly rev: string; readonly to: Touch; readonly now: number }
  | { readonly call: "delete"; readonly key: string; readonly note?: string | undefined }
  | {
      readonly call: "revokeOwner";
      readonly owner: string;
      readonly except: string | undefined;
      readonly note?: string | undefined;
    }
  | { readonly call: "count"; readonly now: number }
  | { readonly call: "sweep"; readonly now: number; readonly limit: number }
  | { readonly call: "list"; readonly prefix: string; readonly limit: number; readonly now: number }
  | { readonly call: "listByOwner"; readonly owner: string; readonly limit: number; readonly now: number };

/** What stores gave when something began, by the name of the beginning. */
export type Beginnings = Map<string, Begun>;

/** Makes the call. A listing is made to its last page. */
export async function perform(store: Store, operation: Operation, beginnings: Beginnings): Promise<unknown> {
  switch (operation.call) {
    case "begin":
      beginnings.set(operation.name, store.begin());
      return undefined;
    case "get":
      return store.get(operation.key, operation.now);
    case "put":
      return store.put(operation.entry, operation.expected, operation.now, beginnings.get(operation.begun ?? ""));
    case "touch":
      return store.touch(operation.key, operation.rev, operation.to, operation.now);
    case "delete":
      return store.delete(operation.key, operation.note);
    case "revokeOwner":
      return store.revokeOwner(operation.owner, operation.except, operation.note);
    case "count":
      return store.count(operation.now);
    case "sweep":
      return store.sweep(operation.now, operation.limit);
    case "list":
      return listAll(store, operation.now, operation);
    case "listByOwner":
      return listOwned(store, operation.owner, operation.now, operation);
    default:
      return undefined;
  }
}

export class Model {
  /** What is there, live or not: what was stored, and was in no answer since. */
  entries: readonly Entry[] = [];
  /** The owners whose entries were revoked, in order. */
  revoked: readonly string[] = [];
  /** How many revocations there had been when something began. */
  begun: Readonly<Record<string, number>> = {};
  /** Whether what begins after a revocation is always let in. */
  readonly exactOrder: boolean;

  constructor({ exactOrder }: { readonly exactOrder: boolean } = { exactOrder: true }) {
    this.exactOrder = exactOrder;
  }

  clone(): Model {
    return Object.assign(new Model(this), this);
  }

  /** Takes the step that an answer tells of. @throws Error if no right store answers so */
  judge(operation: Operation, answer: unknown): void {
    switch (operation.call) {
      case "begin":
        this.begun = { ...this.begun, [operation.name]: this.revoked.length };
        return;
      case "get":
        return sameEntry(answer as Entry | undefined, this.live(operation.key, operation.now), "get");
      case "put":
        return this.#judgePut(operation, answer as Put);
      case "touch":
        return this.#judgeTouch(operation, answer as boolean);
      case "delete": {
        const gone = this.entries.filter(({ key }) => key === operation.key);
        sameHeads(answer === undefined ? [] : [answer as Head], gone, "delete");
        return this.#remove(gone);
      }
      case "revokeOwner": {
        const { owner, except } = operation;
        const gone = this.entries.filter((entry) => entry.owner === owner && entry.key !== except);
        sameHeads(answer as Head[], gone, "revokeOwner");
        this.revoked = [...this.revoked, owner];
        return this.#remove(gone);
      }
      case "count":
        return equal(answer, this.liveAt(operation.now).length, "count");
      case "sweep":
        return this.#judgeSweep(operation, answer as Head[]);
      case "list": {
        const listed = this.liveAt(operation.now).filter(({ key }) => key.startsWith(operation.prefix));
        return sameHeads(answer as Head[], listed, "list");
      }
      case "listByOwner": {
        const owned = this.liveAt(operation.now).filter(({ owner }) => owner === operation.owner);
        sameHeads(answer as Entry[], owned, "listByOwner");
        for (const entry of answer as Entry[]) sameEntry(entry, this.#find(entry.key), "an entry of listByOwner");
      }
    }
  }

  /** Forgets a beginning that no put will name any more. */
  forget(name: string): void {
    this.begun = Object.fromEntries(Object.entries(this.begun).filter(([each]) => each !== name));
  }

  live(key: string, now: number): Entry | undefined {
    return this.liveAt(now).find((entry) => entry.key === key);
  }

  liveAt(now: number): readonly Entry[] {
    return this.entries.filter((entry) => now < entry.expiresAt);
  }

  #judgePut({ entry, expected, now, begun }: Operation & { call: "put" }, put: Put): void {
    const there = this.live(entry.key, now);
    if (there?.rev === entry.rev) return equal(put, { outcome: "stored", removed: [] }, "the repeat of a put");
    if (!(expected === "any" || (there?.rev ?? null) === expected)) {
      equal(put.outcome, "conflict", "put");
      return sameEntry(put.outcome === "conflict" ? put.current : undefined, there, "what a conflict brings");
    }
    const changed = expected === "any" ? undefined : there;
    const against = changed?.owner === entry.owner ? [] : this.revoked.filter((owner) => owner === entry.owner);
    const since = new Set(this.revoked.slice(this.begun[begun ?? ""] ?? this.revoked.length));
    if (against.some((owner) => since.has(owner))) return equal(put.outcome, "revoked", "put after a revocation");
    if (against.length > 0 && put.outcome === "revoked" && !this.exactOrder) return undefined;
    equal(put.outcome, "stored", "put");
    this.#stored(entry, changed, { now, removed: put.outcome === "stored" ? put.removed : [] });
  }

  #stored(entry: Entry, changed: Entry | undefined, { now, removed }: { now: number; removed: readonly Head[] }): void {
    const touchedAt = Math.max(entry.touchedAt, changed?.touchedAt ?? entry.touchedAt);
    const expiresAt = Math.max(entry.expiresAt, changed?.expiresAt ?? entry.expiresAt);
    const kept = { ...headOf(entry), touchedAt, expiresAt, value: entry.value };
    const replaced = this.entries.filter(({ key }) => key === entry.key);
    this.entries = [...this.entries.filter(({ key }) => key !== entry.key), kept];
    // An entry that has ended when it is put may be reclaimed by that very put.
    const reclaimed = this.entries.filter(({ rev }) => removed.some((head) => head.rev === rev));
    sameHeads(removed, changed === undefined ? [...replaced, ...reclaimed] : reclaimed, "what a put removed");
    holds(
      reclaimed.every(({ expiresAt }) => now >= expiresAt),
      "a put must reclaim only what has expired",
    );
    this.#remove(reclaimed);
  }

  #judgeTouch({ key, rev, to, now }: Operation & { call: "touch" }, done: boolean): void {
    const there = this.live(key, now);
    equal(done, there?.rev === rev, "touch");
    if (there?.rev !== rev) return;
    const touchedAt = Math.max(there.touchedAt, to.touchedAt);
    const expiresAt = Math.max(there.expiresAt, to.expiresAt);
    this.entries = this.entries.map((entry) => (entry === there ? { ...there, touchedAt, expiresAt } : entry));
  }

  #judgeSweep({ now, limit }: Operation & { call: "sweep" }, swept: readonly Head[]): void {
    const expired = this.entries.filter((entry) => now >= entry.expiresAt);
    const gone = expired.filter(({ key }) => swept.some((head) => head.key === key));
    const left = expired.filter((entry) => !gone.includes(entry));
    sameHeads(swept, gone, "sweep");
    holds(gone.length <= limit, "a sweep must keep its limit");
    holds(gone.length > 0 || left.length === 0, "a sweep must remove something while there is something");
    const latestGone = Math.max(...gone.map(({ expiresAt }) => expiresAt));
    holds(
      left.every(({ expiresAt }) => expiresAt >= latestGone),
      "a sweep must take the earliest first",
    );
    this.#remove(gone);
  }

  #find(key: string): Entry | undefined {
    return this.entries.find((entry) => entry.key === key);
  }

  #remove(gone: readonly Entry[]): void {
    this.entries = this.entries.filter((entry) => !gone.includes(entry));
  }
}

/** The heads that an answer reports as removed. */
export function removedBy({ call }: Operation, answer: unknown): readonly Head[] {
  if (call === "put") return (answer as Partial<Put & { outcome: "stored" }>).removed ?? [];
  if (call === "delete") return answer === undefined ? [] : [answer as Head];
  return call === "revokeOwner" || call === "sweep" ? (answer as readonly Head[]) : [];
}

/** With which note a head that an operation has removed is told to those who watch. */
export function noteOf(operation: Operation, head: Head): string {
  if (operation.call === "delete" || operation.call === "revokeOwner") return operation.note ?? "";
  return operation.call === "put" && operation.now < head.expiresAt ? REPLACED : "";
}
