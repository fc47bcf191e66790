/** The main thread's side of the commit worker: gathers writes into groups, and tells each call what became of it. */
import { existsSync } from "node:fs";
import { setImmediate } from "node:timers";
import { URL } from "node:url";
import { Worker } from "node:worker_threads";
import { StoreError, type StoreErrorCode } from "../../errors.ts";
import type { OpenFile } from "./database-files.ts";
import type { Written } from "./entry-writer.ts";
import { wireReader, type Wire, type WireReader } from "./group-wire.ts";

/** What the worker is started with. */
export interface WorkerOptions {
  readonly path: string;
  /** What the store reads: the worker writes to no other. */
  readonly files: readonly OpenFile[];
  readonly namespace: string;
  readonly busyTimeout: number;
  /** Where the worker notes the counts of changes of its own transactions, each at its remainder. */
  readonly followed: Int32Array;
}

/** What became of a group: results in the order of its operations, or one fault for all of them. */
export type GroupReply = GroupDone | GroupFault;

/** A group that was committed. */
interface GroupDone extends GroupCounts {
  readonly results: Wire;
}

/** The counts of `Written`, for a whole group. */
export type GroupCounts = Omit<Written<unknown>, "result">;

/** A fault on its way between threads. */
export interface GroupFault {
  readonly fault: StoreErrorCode;
  readonly message: string;
  readonly cause: { readonly message: string; readonly code: unknown; readonly errcode: unknown };
}

/** One write, in a group. */
interface Operation {
  /** The key that it names, if it names one. */
  readonly key: string | undefined;
  /** Takes the operation's result off the wire, to be resolved when the whole wire has been read. */
  readonly settle: (results: WireReader) => () => void;
  readonly reject: (fault: StoreError) => void;
}

interface Group {
  readonly operations: Operation[];
  readonly wire: Wire;
}

export interface CommitThreadOptions extends Omit<WorkerOptions, "followed"> {
  /** A group was committed. Called before its calls resolve. */
  readonly onCommit: (counts: GroupCounts) => void;
  /** What a group did is not known. */
  readonly onFault: () => void;
}

export interface CommitThread {
  /**
   * Puts a write into the next group.
   *
   * @param write appends it to the group
   * @param read takes its result off the reply
   */
  submit<T>(key: string | undefined, write: (wire: Wire) => void, read: (results: WireReader) => T): Promise<T>;
  /** The keys of the group that is on its way, if the transaction with this count of changes is of this thread. */
  onItsWay(changes: number): Iterable<string> | undefined;
  /** Resolves when all that was submitted is settled and the worker has closed its connection. */
  close(): Promise<void>;
}

/**
 * Starts the worker, which opens the file at once.
 *
 * @throws StoreError `store_unavailable` if the worker's code is not there
 */
export function commitThread({ onCommit, onFault, ...options }: CommitThreadOptions): CommitThread {
  const followed = new Int32Array(new SharedArrayBuffer(8 * 4));
  const code = workerCode();
  let worker: Worker | undefined = start();
  worker.unref();
  let next = emptyGroup();
  let sent: Group | undefined;
  let scheduled = false;
  let whenIdle: (() => void) | undefined;

  /** One turn of the event loop gathers: whatever was asked for in it is in the group. */
  function schedule(): void {
    if (scheduled || sent !== undefined) return;
    scheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    if (next.operations.length === 0) {
      worker?.unref();
      whenIdle?.();
      return;
    }
    sent = next;
    next = emptyGroup();
    try {
      worker ??= start();
      worker.ref();
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
      worker.postMessage(sent.wire);
    } catch (error) {
      fail(
        new StoreError("store_unavailable", `The commit worker cannot be started (${String(error)})`, { cause: error }),
      );
    }
  }

  function start(): Worker {
    const workerData: WorkerOptions = { ...options, followed };
    const started = new Worker(code, { workerData });
    started.on("message", (reply: GroupReply | null) => {
      if (reply !== null) receive(reply);
    });
    started.on("error", (error) => lose(started, error));
    started.on("exit", () => lose(started, undefined));
    return started;
  }

  function receive(reply: GroupReply): void {
    if ("fault" in reply) {
      const { message, code, errcode } = reply.cause;
      const cause = Object.assign(new Error(message), { code, errcode });
      fail(new StoreError(reply.fault, reply.message, { cause }));
      return;
    }
    const { operations } = sent!;
    sent = undefined;
    const results = wireReader(reply.results);
    const resolved = operations.map(({ settle }) => settle(results));
    try {
      onCommit(reply);
    } finally {
      // Also where somebody who is told of a removal throws.
      for (const resolve of resolved) resolve();
      schedule();
    }
  }

  function fail(fault: StoreError): void {
    const operations = sent?.operations ?? [];
    sent = undefined;
    onFault();
    for (const { reject } of operations) reject(new StoreError(fault.code, fault.message, { cause: fault.cause }));
    schedule();
  }

  /** The next group starts a new worker. */
  function lose(lost: Worker, error: unknown): void {
    if (worker !== lost) return;
    worker = undefined;
    fail(
      new StoreError("store_unavailable", "The commit worker ended; what it was given may or may not be stored", {
        cause: error,
      }),
    );
  }

  return {
    submit(key, write, read) {
      return new Promise((resolve, reject) => {
        write(next.wire);
        const settle = (results: WireReader): (() => void) => {
          const result = read(results);
          return () => resolve(result);
        };
        next.operations.push({ key, settle, reject });
        schedule();
      });
    },

    onItsWay(changes) {
      if (sent === undefined || Atomics.load(followed, changes % followed.length) !== (changes | 0)) return undefined;
      return sent.operations.flatMap(({ key }) => key ?? []);
    },

    async close() {
      if (sent !== undefined || next.operations.length > 0) {
        await new Promise<void>((resolve) => {
          whenIdle = resolve;
        });
      }
      const last = worker;
      if (last === undefined) return;
      worker = undefined;
      last.ref();
      await new Promise<void>((resolve) => {
        last.on("message", resolve);
        last.on("exit", resolve);
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has none
        last.postMessage(null);
      });
      await last.terminate();
    },
  };
}

/** Beside this file, and of its kind: TypeScript in the sources, JavaScript in the package. */
function workerCode(): URL {
  let code: URL | undefined;
  try {
    code = new URL(`./commit-worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`, import.meta.url);
    if (existsSync(code)) return code;
  } catch {
    // Where a bundler makes CommonJS, this file does not know where it is.
  }
  throw new StoreError(
    "store_unavailable",
    `Expected ${code?.pathname ?? "commit-worker.js"} to be there, for \`commit: "grouped"\` runs it in a worker ` +
      "thread. A bundler has taken this code out of its package: tell it to leave `sojourn` out of the bundle " +
      '(esbuild: `--external:sojourn`), or use `commit: "each"`',
  );
}

function emptyGroup(): Group {
  return { operations: [], wire: [] };
}
