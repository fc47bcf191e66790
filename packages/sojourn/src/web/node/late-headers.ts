/**
 * The headers of a session that was committed already, set when a response of Node's writes its head.
 *
 * What makes a `Response` for Node holds its headers as a record, and a `Headers` to set one header in costs as much as
 * all the rest of a session. So they are put into the very record that `writeHead` is given.
 */
import type { ResponseHeaders } from "../cookies/http-messages.ts";
import type { RequestSession } from "../cookies/request-session.ts";
import { setHead, type Method, type MiddlewareResponse } from "./server-response.ts";

const SESSION = Symbol("sojourn.session");
const WRITE_HEAD = Symbol("sojourn.writeHead");

interface Headed extends Omit<MiddlewareResponse, "writeHead"> {
  writeHead: Method;
  [SESSION]?: RequestSession<unknown> | undefined;
  [WRITE_HEAD]?: Method;
}

/** Whether the headers of a session can be set later: nothing was sent, and no other session waits for the head. */
export function canSetLater(response: MiddlewareResponse | undefined): response is MiddlewareResponse {
  return (
    typeof response?.writeHead === "function" &&
    !response.headersSent &&
    (response as unknown as Headed)[WRITE_HEAD] === undefined
  );
}

/** Commits once more, which writes nothing, to the head of the response. */
export function setHeadersLater(response: MiddlewareResponse, session: RequestSession<unknown>): void {
  const headed = response as unknown as Headed;
  headed[SESSION] = session;
  headed[WRITE_HEAD] = headed.writeHead;
  headed.writeHead = writeHead;
}

// One function for all responses, and never put back: what has replaced it since would be lost.
function writeHead(this: Headed, ...args: unknown[]): unknown {
  const session = this[SESSION];
  const write = this[WRITE_HEAD] as Method;
  if (session === undefined) return write.apply(this, args);
  this[SESSION] = undefined;
  const [status, second, third] = args as [number, unknown, unknown];
  const given = typeof second === "string" ? third : (second ?? third);
  if (Array.isArray(given)) {
    setHead(this, args);
    void session.commit(this, { status });
    return write.call(this, status);
  }
  const headers = { ...(given as HeadersRecord | undefined) };
  void session.commit(new RecordHeaders(headers, this), { status });
  return typeof second === "string" ? write.call(this, status, second, headers) : write.call(this, status, headers);
}

type Value = string | number | readonly string[];
type HeadersRecord = Record<string, Value>;

/** A record of headers, whose names may be in any case, over those that the response has. */
class RecordHeaders implements ResponseHeaders {
  readonly #record: HeadersRecord;
  readonly #response: Headed;

  constructor(record: HeadersRecord, response: Headed) {
    this.#record = record;
    this.#response = response;
  }

  get(name: string): string | null {
    const value = this.#value(name);
    return value === undefined ? null : [value].flat().join(", ");
  }

  set(name: string, value: string): void {
    this.#record[this.#keyOf(name) ?? name] = value;
  }

  append(name: string, value: string): void {
    const present = this.#value(name);
    this.#record[this.#keyOf(name) ?? name] =
      present === undefined ? [value] : [...[present].flat().map(String), value];
  }

  #value(name: string): Value | undefined {
    const key = this.#keyOf(name);
    return key === undefined ? this.#response.getHeader(name) : this.#record[key];
  }

  #keyOf(name: string): string | undefined {
    for (const key in this.#record) {
      if (key.length === name.length && key.toLowerCase() === name.toLowerCase()) return key;
    }
    return undefined;
  }
}
