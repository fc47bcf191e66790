/**
 * Holds a response of Node's back until its session is committed.
 *
 * Headers go out with the first of `writeHead`, `write`, `end` and `flushHeaders`, and everything else that sends
 * (`pipe`, and what frameworks add) comes through these. So they are replaced, and the first call of one of them
 * commits. On a synchronous store that is done at once, and the call goes on as if nothing had been. On another one
 * the calls wait in a list until the store has answered. `write` then answers `false`, and `drain` follows, so that a
 * source which heeds it keeps no more than one piece here.
 *
 * They are never put back: what has replaced them since would be lost. Once the commit is done they pass everything on.
 */
import type { RequestSession } from "../cookies/request-session.ts";
import type { Mode } from "../../store/reply.ts";
import { callBack, makeWayForError, setHead, type HoldableResponse, type Method } from "./held-response.ts";

/** What becomes of a response. */
export interface Holding<Data, M extends Mode> {
  readonly response: HoldableResponse;
  readonly session: RequestSession<Data, M>;
  readonly isSync: boolean;
  /** Takes over with the error of a commit, when the response that was to be sent is complete and was dropped. */
  readonly fail: (error: unknown) => void;
}

/**
 * - `open`: nothing is to be sent yet
 * - `committing`: calls are kept
 * - `passing`: calls are passed on
 * - `dropping`: an error was sent in place of the response, and what still comes of it is dropped
 */
type Phase = "open" | "committing" | "passing" | "dropping";

interface Methods {
  writeHead: Method;
  write: Method;
  end: Method;
  flushHeaders?: Method;
}

interface Call {
  readonly method: Method;
  readonly args: unknown[];
}

export function holdResponse<Data, M extends Mode>({ response, session, isSync, fail }: Holding<Data, M>): void {
  const methods = response as unknown as Methods;
  const { writeHead, write, end, flushHeaders } = methods;
  let phase: Phase = "open";
  let kept: Call[] = [];

  /** Whether the calls may be passed on from now on. */
  function opens(isWhole: boolean): boolean {
    if (!isSync) {
      if (phase === "open") commitLater();
      return false;
    }
    try {
      void session.commit(response);
      phase = "passing";
      return true;
    } catch (error) {
      refuse(error, isWhole);
      return false;
    }
  }

  function commitLater(): void {
    phase = "committing";
    pretend(
      response,
      () => phase === "committing",
      () => phase === "committing" && isWhole(),
    );
    // The call that began this is kept before the commit goes on.
    const committed = session.commit(response) as Promise<boolean>;
    committed.then(release).catch(async (error: unknown) => {
      if (phase === "passing" && response.headersSent) return response.destroy();
      await (session.commit(NO_HEADERS, { status: 500 }) as Promise<boolean>);
      return refuse(error, isWhole());
    });
  }

  const isWhole = (): boolean => kept.some(({ method }) => method === end);

  function release(): void {
    phase = "passing";
    const calls = kept;
    let flowing: unknown = true;
    for (const { method, args } of calls) {
      const result = method.apply(response, args);
      if (method === write) flowing = result;
    }
    kept = [];
    const wrote = calls.some(({ method }) => method === write);
    if (wrote && flowing !== false && !calls.some(({ method }) => method === end)) response.emit("drain");
  }

  /** An error goes out in place of the response. */
  function refuse(error: unknown, whole: boolean): void {
    // A session that began in this request ends: the client will not hear of it.
    if (isSync) void session.commit(NO_HEADERS, { status: 500 });
    const { status } = error as { readonly status?: unknown };
    makeWayForError(response, typeof status === "number" ? status : 500);
    for (const { args } of kept) callBack(args);
    kept = [];
    phase = "passing";
    if (whole) return fail(error);
    // More of the response will come, and could not be told from what another handler sends: the answer is ours.
    response.setHeader("Content-Type", "text/plain; charset=utf-8");
    end.call(response, "The session could not be saved\n");
    phase = "dropping";
  }

  /** Keeps a call while the commit runs; drops what comes after the end, or in whose place an error was sent. */
  function keep(method: Method, args: unknown[]): void {
    if (phase === "committing" && !isWhole()) kept.push({ method, args });
    else callBack(args);
  }

  methods.writeHead = (...args) => {
    if (phase === "passing") return writeHead.apply(response, args);
    if (phase !== "open") return response;
    setHead(response, args);
    if (opens(false)) writeHead.call(response, response.statusCode);
    else keep(writeHead, [response.statusCode]);
    return response;
  };
  if (flushHeaders !== undefined) {
    methods.flushHeaders = (...args) => {
      if (phase === "passing" || (phase === "open" && opens(false))) return flushHeaders.apply(response, args);
      return keep(flushHeaders, args);
    };
  }
  methods.write = (...args) => {
    if (phase === "passing" || (phase === "open" && opens(false))) return write.apply(response, args);
    keep(write, args);
    return phase !== "committing";
  };
  methods.end = (...args) => {
    if (phase === "passing" || (phase === "open" && opens(true))) return end.apply(response, args);
    keep(end, args);
    return response;
  };
}

const NO_HEADERS = { get: () => null, set() {}, append() {} };

/** While calls are kept, a response says of itself what it would say if they had been passed on. */
function pretend(response: HoldableResponse, isSent: () => boolean, isEnded: () => boolean): void {
  const prototype = Object.getPrototypeOf(response) as object;
  Object.defineProperties(response, {
    headersSent: {
      configurable: true,
      get: () => isSent() || Boolean(Reflect.get(prototype, "headersSent", response)),
    },
    writableEnded: {
      configurable: true,
      get: () => isEnded() || Boolean(Reflect.get(prototype, "writableEnded", response)),
    },
  });
}
