/** The synchronous store over any port: what a file, a given database and a Durable Object have in common. */
import { StoreError } from "../../errors.ts";
import { checkEntry, checkInstant, checkKey, checkLimit, checkNote } from "../check.ts";
import type { Entry, Guarantees, Head, Store, Touch } from "../store.ts";
import { beginnings } from "./beginnings.ts";
import type { ChangeWatch } from "./change-watch.ts";
import type { ConnectionCheck } from "./connection-check.ts";
import { entryCache, type EntryCache } from "./entry-cache.ts";
import { entryReader } from "./entry-reader.ts";
import { entryWriter, type Writes, type Written } from "./entry-writer.ts";
import type { Follow } from "./removal-follower.ts";
import { removalSource } from "./removal-log.ts";
import { openNamespace } from "./schema.ts";
import type { SqlPort } from "./sql-port.ts";

/** What a store over a port is made of. */
export interface SqlStoreOptions {
  readonly port: SqlPort;
  readonly namespace: string;
  readonly durability: Guarantees["durability"];
  /** How many entries are cached at most; 0 for none. */
  readonly cache: number;
  /**
   * Makes what tells that others have changed the database. None for one that the application has opened: it may use the
   * connection, too, or make two stores of it, and to ask what the connection itself has changed costs as much as a row.
   */
  readonly watch?: () => ChangeWatch;
  /** Makes what tells of removals; none if nobody is told. */
  readonly follow?: Follow;
  /** What looks whether file and tables are still the store's own; none where nobody else can reach them. */
  readonly check?: ConnectionCheck;
  /** Closes what was opened for the store. */
  readonly release?: () => void;
}

/** @throws StoreError `store_schema` if the tables are of a newer version */
export function sqlStore(options: SqlStoreOptions): Store<"sync"> {
  const { port, durability, watch, follow, check = nothingToCheck, release } = options;
  const namespace = openNamespace(port, options.namespace);
  const reader = entryReader(port, namespace);
  const writer = entryWriter(port, namespace);
  const cache = entryCache({ max: options.cache, reader, watch: watch?.() });
  const begins = beginnings(watch?.(), reader.changes);
  const follower = follow?.(removalSource(port, namespace, check.check));
  let closed = false;

  function checkOpen(): void {
    if (closed) throw new StoreError("store_closed", "The SQLite store is closed");
  }

  /** Runs one call in a transaction of its own, then makes the cache agree with it. */
  function write<T>(call: (writes: Writes) => T, keysOf: (result: T) => readonly string[]): T {
    checkOpen();
    let written: Written<T>;
    try {
      written = writer.transaction(call);
      const { result, changes } = written;
      // After the commit, so that what is acknowledged is in the file that has the name.
      check.check();
      if (changes !== undefined) {
        for (const key of keysOf(result)) cache.drop(key);
        cache.wrote(changes);
        begins.wrote(changes);
      }
    } catch (error) {
      // Whether the commit has happened need not be known.
      cache.doubt();
      begins.forget();
      check.suspect();
      throw error;
    }
    if (written.removals !== undefined) follower?.wrote(written.removals);
    return written.result;
  }

  function checkReadable(): void {
    checkOpen();
    check.check();
  }

  return {
    mode: "sync",
    guarantees: guarantees(durability, follower?.maxLag),

    get(key, now) {
      checkOpen();
      check.checkAt(now);
      return findLive(cache, key, now);
    },

    begin() {
      checkOpen();
      return begins.begin();
    },

    put(entry, expected, now, begun) {
      checkOpen();
      checkEntry(entry);
      checkInstant(now, "now");
      const began = begun === undefined ? undefined : begins.countIn(begun);
      return write(
        (writes) => writes.put(entry, expected, now, began),
        (put) => (put.outcome === "stored" ? [entry.key, ...put.removed.map(keyOf)] : []),
      );
    },

    touch(key, rev, to, now) {
      checkOpen();
      checkTouch(key, to, now);
      return write(
        (writes) => writes.touch(key, rev, to, now),
        () => [key],
      );
    },

    delete(key, note = "") {
      checkOpen();
      checkKey(key);
      checkNote(note);
      return write(
        (writes) => writes.delete(key, note),
        () => [key],
      );
    },

    list(page, now) {
      checkReadable();
      return reader.list(page, now);
    },

    listByOwner(owner, page, now) {
      checkReadable();
      return reader.listByOwner(owner, page, now);
    },

    revokeOwner(owner, except, note = "") {
      checkOpen();
      checkNote(note);
      return write((writes) => writes.revokeOwner(owner, except, note), keysOf);
    },

    count(now) {
      checkReadable();
      return reader.count(now);
    },

    sweep(now, limit) {
      checkOpen();
      checkInstant(now, "now");
      checkLimit(limit);
      return write((writes) => writes.sweep(now, limit), keysOf);
    },

    ...(follower && {
      watchRemovals(onRemoved) {
        checkOpen();
        return follower.watch(onRemoved);
      },
    }),

    close() {
      if (closed) return;
      closed = true;
      follower?.close();
      release?.();
      cache.close();
    },
  };
}

const nothingToCheck: ConnectionCheck = { check() {}, checkAt() {}, suspect() {} };

/** The entry under a key, if it is live. */
export function findLive(cache: EntryCache, key: string, now: number): Entry | undefined {
  checkInstant(now, "now");
  const entry = cache.find(key);
  return entry !== undefined && now < entry.expiresAt ? entry : undefined;
}

/** @throws TypeError if the arguments of a touch are out of bounds */
export function checkTouch(key: string, { touchedAt, expiresAt }: Touch, now: number): void {
  checkKey(key);
  checkInstant(touchedAt, "touchedAt");
  checkInstant(expiresAt, "expiresAt");
  checkInstant(now, "now");
}

/** What any SQLite store promises, but for its durability, and for how long removals may wait to be told. */
export function guarantees(
  durability: Guarantees["durability"],
  removalsMs: number = Number.POSITIVE_INFINITY,
): Guarantees {
  const kept = { durability, atomic: true, staleMs: 0, evicts: false, failoverLoss: false, exactOrder: true };
  return Object.freeze({ ...kept, removalsMs });
}

const keyOf = ({ key }: Head): string => key;
const keysOf = (heads: readonly Head[]): readonly string[] => heads.map(keyOf);
