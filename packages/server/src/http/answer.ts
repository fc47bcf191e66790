/** How answers look: JSON, never cached, and an error is `{ "error": … }`. */
import { SojournError, httpStatus } from "sojourn";
import { describeError, type Log } from "./log.ts";

/** On every answer. Tokens are secrets, so that no cache may keep what was asked about them. */
const COMMON = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  // For a browser that shows an answer as a page, or another site's page that embeds one.
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
} as const;

// Plain objects that are made once: the Node adapter sends them as they are.
const JSON_HEADERS = Object.freeze({ ...COMMON, "content-type": "application/json" });
const NO_BODY: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  204: Object.freeze({ ...COMMON }),
  404: Object.freeze({ ...COMMON, "content-length": "0" }),
};

/** Headers of an answer with a JSON body. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** Thrown to answer a request with a 4xx (or 503 while stopping) instead of what it asks for. Not a fault. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: AnswerHeaders | undefined;

  /** @param message the client reads it: it never holds anything that the client sent */
  constructor(status: number, message: string, headers?: AnswerHeaders) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** An answer with a JSON body. */
export function answer(status: number, value: string | number | object): Response {
  return new Response(JSON.stringify(value), { status, headers: JSON_HEADERS });
}

/** An answer without a body. */
export function answerEmpty(status: 204 | 404): Response {
  return new Response(null, { status, headers: NO_BODY[status] as AnswerHeaders });
}

/** An answer that says what is wrong. */
export function answerError(status: number, message: string, headers?: AnswerHeaders): Response {
  return new Response(errorBody(message), { status, headers: errorHeaders(headers) });
}

/** The answer to what a handler has thrown: a refusal, a fault of the store, or a fault of ours, which is logged. */
export function answerThrown(error: unknown, log: Log): Response {
  if (error instanceof Refusal) return answerError(error.status, error.message, error.headers);
  const status = error instanceof SojournError ? httpStatus[error.code] : 500;
  if (status === 503) {
    log.error({ error: describeError(error) }, "the store failed");
    return answerError(503, "The session store did not answer; nothing is known about the session", {
      "retry-after": "1",
    });
  }
  if (status < 500) return answerError(status, (error as SojournError).message);
  log.error({ error: describeError(error) }, "a request failed");
  return answerError(500, "The server failed to answer this request");
}

/** The body of every error. */
export function errorBody(message: string): string {
  return JSON.stringify({ error: message });
}

/** The headers of every error, and some more. */
export function errorHeaders(more?: AnswerHeaders): AnswerHeaders {
  return more === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...more };
}
