/**
 * Defers a response of Node's until its session is committed.
 *
 * Headers go out with the first of `writeHead`, `write`, `end` and `flushHeaders`, and everything else that sends
 * (`pipe`, and what frameworks add) comes through these. So they are replaced, and the first call of one of them
 * commits. On a synchronous store that is done at once, and the call goes on as if nothing had been. On another one
 * the calls wait in a list until the store has answered. `write` then answers `false`, and `drain` follows, so that a
 * source which heeds it keeps no more than one piece here.
 *
 * They are never put back: what has replaced them since would be lost. Once the commit is done they pass everything on.
 */
import { NO_HEADERS, type NodeResponse } from "../cookies/http-messages.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { callBack, makeWayForError, setHead, type Method, type MiddlewareResponse } from "./server-response.ts";

/** A response, and the session that is committed before it. */
export interface Deferral {
  readonly response: MiddlewareResponse;
  readonly session: RequestSession<unknown>;
  readonly isSync: boolean;
}

/**
 * Replaces the methods of a response that send.
 *
 * @param fail takes over with the error of a commit, when the response that was to be sent is complete and was dropped
 */
export function deferResponse(deferral: Deferral, fail: (error: unknown) => void): void {
  const response = deferral.response as unknown as DeferredMethods;
  const deferred = new DeferredResponse(deferral, fail);
  const first = response[DEFERRED];
  if (first === undefined) {
    response[DEFERRED] = deferred;
    response.writeHead = writeHead;
    response.write = write;
    response.end = end;
    if (response.flushHeaders !== undefined) response.flushHeaders = flushHeaders;
    return;
  }
  // Another middleware like this one defers it already, so the shared methods are that one's.
  first.others = [...first.others, deferred];
  response.writeHead = (...args) => deferred.writeHead(args);
  response.write = (...args) => deferred.write(args);
  response.end = (...args) => deferred.end(args);
  if (response.flushHeaders !== undefined) response.flushHeaders = (...args) => deferred.flushHeaders(args);
}

const DEFERRED = Symbol("sojourn.deferred");

interface Methods {
  writeHead: Method;
  write: Method;
  end: Method;
  flushHeaders?: Method | undefined;
}

interface DeferredMethods extends Methods {
  [DEFERRED]?: DeferredResponse;
}

type Bound = DeferredMethods & { readonly [DEFERRED]: DeferredResponse };

// One function for all responses: with functions made for each, V8 lets dead responses live through many collections,
// which costs more than all the rest of a session.
function writeHead(this: Bound, ...args: unknown[]): unknown {
  return this[DEFERRED].writeHead(args);
}
function write(this: Bound, ...args: unknown[]): unknown {
  return this[DEFERRED].write(args);
}
function end(this: Bound, ...args: unknown[]): unknown {
  return this[DEFERRED].end(args);
}
function flushHeaders(this: Bound, ...args: unknown[]): unknown {
  return this[DEFERRED].flushHeaders(args);
}

/** While calls are kept, a response says of itself what it would say if they had been passed on. */
const WHILE_KEPT: PropertyDescriptorMap & ThisType<Bound> = {
  headersSent: {
    configurable: true,
    get() {
      return deferralsOf(this).some((deferred) => deferred.hidesHead) || fromPrototype(this, "headersSent");
    },
  },
  writableEnded: {
    configurable: true,
    get() {
      return (
        deferralsOf(this).some((deferred) => deferred.isCommitting && deferred.isWhole) ||
        fromPrototype(this, "writableEnded")
      );
    },
  },
};

const deferralsOf = (response: Bound): readonly DeferredResponse[] => [
  response[DEFERRED],
  ...response[DEFERRED].others,
];
const fromPrototype = (response: object, name: string): boolean =>
  Boolean(Reflect.get(Object.getPrototypeOf(response) as object, name, response));

/**
 * - `open`: nothing is to be sent yet
 * - `committing`: calls are kept
 * - `passing`: calls are passed on
 * - `dropping`: an error was sent in place of the response, and what still comes of it is dropped
 */
type Phase = "open" | "committing" | "passing" | "dropping";

interface Call {
  readonly method: Method;
  readonly args: unknown[];
}

const NO_CALLS: Call[] = [];
const NONE: readonly DeferredResponse[] = [];

class DeferredResponse {
  readonly #deferral: Deferral;
  readonly #fail: (error: unknown) => void;
  /** The methods that were there before. */
  readonly #methods: Methods;
  #phase: Phase = "open";
  #kept: Call[] = NO_CALLS;
  #isSettingHeaders = false;
  /** Those that came later, on the same response. */
  others: readonly DeferredResponse[] = NONE;

  constructor(deferral: Deferral, fail: (error: unknown) => void) {
    this.#deferral = deferral;
    this.#fail = fail;
    const before = deferral.response as unknown as Methods;
    this.#methods = {
      writeHead: before.writeHead,
      write: before.write,
      end: before.end,
      flushHeaders: before.flushHeaders,
    };
  }

  get isCommitting(): boolean {
    return this.#phase === "committing";
  }

  /** Whether the response says that its head is sent, before it is. */
  get hidesHead(): boolean {
    return this.isCommitting && !this.#isSettingHeaders;
  }

  /** Whether the calls that are kept are all that will come. */
  get isWhole(): boolean {
    return this.#kept.some(({ method }) => method === this.#methods.end);
  }

  writeHead(args: unknown[]): unknown {
    const { response } = this.#deferral;
    const methods = this.#methods;
    if (this.#phase === "passing") return methods.writeHead.apply(response, args);
    if (this.#phase !== "open") return response;
    setHead(response, args);
    if (this.#opens(false)) methods.writeHead.call(response, response.statusCode);
    else this.#keep(methods.writeHead, [response.statusCode]);
    return response;
  }

  flushHeaders(args: unknown[]): unknown {
    const flush = this.#methods.flushHeaders as Method;
    if (this.#passes(false)) return flush.apply(this.#deferral.response, args);
    return this.#keep(flush, args);
  }

  write(args: unknown[]): unknown {
    const methods = this.#methods;
    if (this.#passes(false)) return methods.write.apply(this.#deferral.response, args);
    this.#keep(methods.write, args);
    return this.#phase !== "committing";
  }

  end(args: unknown[]): unknown {
    const { response } = this.#deferral;
    if (this.#passes(true)) return this.#methods.end.apply(response, args);
    this.#keep(this.#methods.end, args);
    return response;
  }

  #passes(isWhole: boolean): boolean {
    return this.#phase === "passing" || (this.#phase === "open" && this.#opens(isWhole));
  }

  /** Commits, or begins to. Whether calls may be passed on at once. */
  #opens(isWhole: boolean): boolean {
    const { response, session, isSync } = this.#deferral;
    // Most requests only read, and need not wait. To say that calls are kept costs more than all the rest.
    const isAtOnce = isSync || session.isUnchanged;
    if (!isAtOnce) {
      this.#phase = "committing";
      Object.defineProperties(response, WHILE_KEPT);
      void this.#commitLater();
      return false;
    }
    try {
      const committed: unknown = session.commit(response);
      this.#phase = "passing";
      if (committed instanceof Promise) committed.catch((error: unknown) => response.destroy(error as Error));
      return true;
    } catch (error) {
      // A session that began in this request ends: the client will not hear of it.
      void session.commit(NO_HEADERS, { status: 500 });
      this.#refuse(error, isWhole);
      return false;
    }
  }

  async #commitLater(): Promise<void> {
    const { response, session } = this.#deferral;
    try {
      // Its answer never comes before the call that began it is kept.
      await session.commit(this.#head(response));
      this.#release();
    } catch (error) {
      if (this.#phase === "passing" && response.headersSent) return void response.destroy();
      await session.commit(NO_HEADERS, { status: 500 });
      this.#refuse(error, this.isWhole);
    }
  }

  /** Where the commit sets its headers: frameworks such as Next drop a header once `headersSent` says that it is too late. */
  #head(response: MiddlewareResponse): NodeResponse {
    return {
      statusCode: response.statusCode,
      getHeader: (name) => response.getHeader(name),
      setHeader: (name, value) => {
        this.#isSettingHeaders = true;
        try {
          response.setHeader(name, value);
        } finally {
          this.#isSettingHeaders = false;
        }
      },
    };
  }

  /** Passes on what was kept. */
  #release(): void {
    const { response } = this.#deferral;
    const methods = this.#methods;
    this.#phase = "passing";
    let last: Call | undefined;
    let flowing: unknown = true;
    for (const call of this.#kept) {
      const result = call.method.apply(response, call.args);
      if (call.method === methods.write) flowing = result;
      last = call;
    }
    const wrote = this.#kept.some(({ method }) => method === methods.write);
    this.#kept = NO_CALLS;
    if (wrote && flowing !== false && last?.method !== methods.end) response.emit("drain");
  }

  /** An error goes out in place of the response. */
  #refuse(error: unknown, isWhole: boolean): void {
    const { response } = this.#deferral;
    const { status } = error as { readonly status?: unknown };
    this.#phase = "passing";
    makeWayForError(response, typeof status === "number" ? status : 500);
    for (const { args } of this.#kept) callBack(args);
    this.#kept = NO_CALLS;
    if (isWhole) return this.#fail(error);
    // More of the response will come, and could not be told from what another handler sends: the answer is ours.
    response.setHeader("Content-Type", "text/plain; charset=utf-8");
    this.#methods.end.call(response, "The session could not be saved\n");
    this.#phase = "dropping";
  }

  /** Keeps a call while the commit runs; drops what comes after the end, or in whose place an error was sent. */
  #keep(method: Method, args: unknown[]): void {
    if (this.#phase !== "committing" || this.isWhole) return callBack(args);
    if (this.#kept === NO_CALLS) this.#kept = [];
    this.#kept.push({ method, args });
  }
}
