/** The asynchronous store: reads on a connection of this thread, writes in groups on a worker's. */
import { StoreError } from "../../errors.ts";
import { checkEntry, checkInstant, checkKey, checkLimit, checkNote } from "../check.ts";
import type { Begun, Head, Store } from "../store.ts";
import { beginnings, type Beginnings } from "./beginnings.ts";
import { commitThread, type CommitThread } from "./commit-thread.ts";
import { connectionCheck, type ConnectionCheck } from "./connection-check.ts";
import { durabilityOf } from "./durability.ts";
import { entryCache, type EntryCache } from "./entry-cache.ts";
import { entryReader, type EntryReader } from "./entry-reader.ts";
import {
  DELETE,
  PUT,
  readHeads,
  readPut,
  REVOKE_OWNER,
  SWEEP,
  TOUCH,
  writeEntry,
  type WireReader,
} from "./group-wire.ts";
import { openFile, watchOf } from "./open-file.ts";
import type { Follow, RemovalFollower } from "./removal-follower.ts";
import { removalSource } from "./removal-log.ts";
import { openNamespace } from "./schema.ts";
import { checkTouch, findLive, guarantees } from "./sql-store.ts";

/** What a grouped store is made of. */
export interface GroupedStoreOptions {
  readonly path: string;
  readonly namespace: string;
  readonly cache: number;
  /** Makes what tells of removals. */
  readonly follow: Follow;
  /** In milliseconds. */
  readonly busyTimeout: number;
}

/** @throws StoreError as `sqliteStore` does: the file is opened here first, and then by the worker, the very same one */
export function groupedStore(options: GroupedStoreOptions): Store<"async"> {
  const { path, namespace, busyTimeout, follow } = options;
  const { port, files, close: closeFile } = openFile(path, busyTimeout);
  try {
    const id = openNamespace(port, namespace);
    const reader = entryReader(port, id);
    const durability = durabilityOf(port);
    const watch = watchOf(port);
    const cache: EntryCache = entryCache({
      max: options.cache,
      reader,
      watch,
      onItsWay: (changes) => commits.onItsWay(changes),
    });
    const begins = beginnings(watchOf(port), reader.changes);
    const check = connectionCheck(port, files);
    const commits: CommitThread = commitThread({
      path,
      files,
      namespace,
      busyTimeout,
      onCommit({ changes, removals }) {
        if (changes !== undefined) {
          cache.wrote(changes);
          begins.wrote(changes);
        }
        if (removals !== undefined) follower.wrote(removals);
      },
      onFault() {
        cache.doubt();
        begins.forget();
        check.suspect();
      },
    });
    const follower = follow(removalSource(port, id, check.check));
    const promised = guarantees(durability, follower.maxLag);
    return assemble({ reader, cache, begins, check, commits, follower, guarantees: promised, closeFile });
  } catch (error) {
    closeFile();
    throw error;
  }
}

interface Parts {
  readonly reader: EntryReader;
  readonly cache: EntryCache;
  readonly begins: Beginnings;
  readonly check: ConnectionCheck;
  readonly commits: CommitThread;
  readonly follower: RemovalFollower;
  readonly guarantees: Store["guarantees"];
  readonly closeFile: () => void;
}

function assemble({ reader, cache, begins, check, commits, follower, guarantees, closeFile }: Parts): Store<"async"> {
  let closed: Promise<void> | undefined;

  function checkOpen(): void {
    if (closed !== undefined) throw new StoreError("store_closed", "The SQLite store is closed");
  }

  function checkReadable(): void {
    checkOpen();
    check.check();
  }

  /** What began with this call counts from here, not from its turn. Nobody's entries are never revoked. */
  function countAt(begun: Begun | undefined, owner: string | null): number {
    if (begun !== undefined) return begins.countIn(begun);
    return owner === null ? 0 : begins.countIn(begins.begin());
  }

  /** Heads that a write has removed are not in the cache any more when its call resolves. */
  function dropped(heads: readonly Head[]): readonly Head[] {
    for (const { key } of heads) cache.drop(key);
    return heads;
  }

  async function closeAll(): Promise<void> {
    follower.close();
    await commits.close();
    closeFile();
    cache.close();
  }

  return {
    mode: "async",
    guarantees,

    async get(key, now) {
      checkOpen();
      check.checkAt(now);
      return findLive(cache, key, now);
    },

    begin() {
      checkOpen();
      return begins.begin();
    },

    async put(entry, expected, now, begun) {
      checkOpen();
      checkEntry(entry);
      checkInstant(now, "now");
      const began = countAt(begun, entry.owner);
      const { key, value } = entry;
      return commits.submit(
        key,
        (wire) => {
          wire.push(PUT);
          // Bytes may be changed by the caller before the group goes.
          writeEntry(wire, typeof value === "string" ? entry : { ...entry, value: value.slice() });
          wire.push(expected, now, began);
        },
        (results) => {
          const put = readPut(results);
          cache.drop(key);
          if (put.outcome === "stored") dropped(put.removed);
          return put;
        },
      );
    },

    async touch(key, rev, to, now) {
      checkOpen();
      checkTouch(key, to, now);
      const { touchedAt, expiresAt } = to;
      return commits.submit(
        key,
        (wire) => wire.push(TOUCH, key, rev, touchedAt, expiresAt, now),
        (results) => {
          cache.drop(key);
          return results.number() === 1;
        },
      );
    },

    async delete(key, note = "") {
      checkOpen();
      checkKey(key);
      checkNote(note);
      return commits.submit(
        key,
        (wire) => wire.push(DELETE, key, note),
        (results) => dropped(readHeads(results))[0],
      );
    },

    async list(page, now) {
      checkReadable();
      return reader.list(page, now);
    },

    async listByOwner(owner, page, now) {
      checkReadable();
      return reader.listByOwner(owner, page, now);
    },

    async revokeOwner(owner, except, note = "") {
      checkOpen();
      checkNote(note);
      return commits.submit(undefined, (wire) => wire.push(REVOKE_OWNER, owner, except ?? null, note), headsOf);
    },

    async count(now) {
      checkReadable();
      return reader.count(now);
    },

    async sweep(now, limit) {
      checkOpen();
      checkInstant(now, "now");
      checkLimit(limit);
      return commits.submit(undefined, (wire) => wire.push(SWEEP, now, limit), headsOf);
    },

    watchRemovals(onRemoved) {
      checkOpen();
      return follower.watch(onRemoved);
    },

    async close() {
      closed ??= closeAll();
      return closed;
    },
  };

  function headsOf(results: WireReader): readonly Head[] {
    return dropped(readHeads(results));
  }
}
