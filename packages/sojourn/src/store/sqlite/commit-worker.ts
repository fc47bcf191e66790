/** The worker thread of a grouped store: each message is a group of writes, made in one transaction. */
import { parentPort, workerData } from "node:worker_threads";
import { StoreError } from "../../errors.ts";
import { entryWriter, type EntryWriter, type Writes } from "./entry-writer.ts";
import {
  DELETE,
  PUT,
  readEntry,
  REVOKE_OWNER,
  SWEEP,
  TOUCH,
  wireReader,
  writeHeads,
  writePut,
  type Wire,
  type WireReader,
} from "./group-wire.ts";
import type { GroupFault, GroupReply, WorkerOptions } from "./commit-thread.ts";
import { areSameFiles, checkFiles } from "./database-files.ts";
import { openFile, type OpenedFile } from "./open-file.ts";
import { openNamespace } from "./schema.ts";
import { storeFault } from "./store-fault.ts";

const { path, files, namespace, busyTimeout, followed } = workerData as WorkerOptions;
const port = parentPort!;
let file: OpenedFile | undefined;
let writer: EntryWriter | undefined;

try {
  writer = open();
} catch {
  // Told to the first group, which tries again.
}

port.on("message", (group: Wire | null) => {
  port.postMessage(group === null ? close() : answer(group));
});

/** The answer to a goodbye is one, too: then the thread can be ended from outside. */
function close(): null {
  try {
    file?.close();
  } catch {
    // What was acknowledged is on disk, and the connection ends with the thread.
  }
  return null;
}

function answer(group: Wire): GroupReply {
  try {
    writer ??= open();
    const reply = commit(writer, group);
    // After the commit, so that what is acknowledged is in the file that has the name.
    checkFiles(files);
    return reply;
  } catch (error) {
    return faultOf(error);
  }
}

function open(): EntryWriter {
  // First, since opening would make a new file in the place of one that was deleted.
  checkFiles(files);
  file = openFile(path, busyTimeout);
  try {
    if (!areSameFiles(file.files, files)) throw new StoreError("store_unavailable", `${path} was replaced`);
    return entryWriter(file.port, openNamespace(file.port, namespace));
  } catch (error) {
    file.close();
    file = undefined;
    throw error;
  }
}

function commit(writer: EntryWriter, group: Wire): GroupReply {
  const results: Wire = [];
  const {
    result: plain,
    changes,
    removals,
  } = writer.transaction((writes) => {
    const reader = wireReader(group);
    const pending: (() => boolean)[] = [];
    while (!reader.atEnd()) pending.push(run(writes, reader, results));
    return pending;
  });
  // Puts reclaim at the end of the transaction, so what they removed is complete only now.
  const followable = plain.map((finish) => finish()).every(Boolean);
  if (changes === undefined) return { changes: undefined, removals: undefined, results };
  if (followable) Atomics.store(followed, changes % followed.length, changes | 0);
  return { changes, removals, results };
}

/** Runs one operation. What it returns writes the result, and says whether it touched no key but the one it names. */
function run(writes: Writes, reader: WireReader, results: Wire): () => boolean {
  switch (reader.number()) {
    case PUT: {
      const entry = readEntry(reader);
      const put = writes.put(entry, reader.textOrNull(), reader.number(), reader.number());
      return () => {
        writePut(results, put);
        return put.outcome !== "stored" || put.removed.every(({ key }) => key === entry.key);
      };
    }
    case TOUCH: {
      const touched = writes.touch(
        reader.text(),
        reader.text(),
        { touchedAt: reader.number(), expiresAt: reader.number() },
        reader.number(),
      );
      return () => {
        results.push(touched ? 1 : 0);
        return true;
      };
    }
    case DELETE: {
      const head = writes.delete(reader.text(), reader.text());
      return () => {
        writeHeads(results, head === undefined ? [] : [head]);
        return true;
      };
    }
    case REVOKE_OWNER: {
      const heads = writes.revokeOwner(reader.text(), reader.textOrNull() ?? undefined, reader.text());
      return () => {
        writeHeads(results, heads);
        return heads.length === 0;
      };
    }
    case SWEEP: {
      const heads = writes.sweep(reader.number(), reader.number());
      return () => {
        writeHeads(results, heads);
        return heads.length === 0;
      };
    }
    default:
      throw new TypeError("Expected an operation");
  }
}

/** An error loses its class and its fields on the way to another thread, so they go as a plain object. */
function faultOf(error: unknown): GroupFault {
  const { code, message, cause } = storeFault(error);
  const fields = Object(cause) as { message?: unknown; code?: unknown; errcode?: unknown };
  return {
    fault: code,
    message,
    cause: { message: String(fields.message ?? cause), code: fields.code, errcode: fields.errcode },
  };
}
