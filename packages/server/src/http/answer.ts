/** How answers look: JSON, never cached, and an error is `{ "error": … }`, but under `/api/v1` (`api/problem.ts`). */
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

const JSON_HEADERS: AnswerHeaders = Object.freeze({ ...COMMON, "content-type": "application/json" });
const NO_BODY: Readonly<Record<204 | 404, Answer>> = {
  204: Object.freeze({ status: 204, headers: Object.freeze({ ...COMMON }), body: null }),
  404: Object.freeze({ status: 404, headers: Object.freeze({ ...COMMON, "content-length": "0" }), body: null }),
};

/** Headers of an answer, by their names in lower case. */
export type AnswerHeaders = Readonly<Record<string, string>>;

/** What a request is answered: whole, and the same whether Hono sends it or `node:http`. */
export interface Answer {
  readonly status: number;
  /** With the length of the body, where there can be one. */
  readonly headers: AnswerHeaders;
  readonly body: string | null;
}

/** An answer, or the promise of one where the store takes its time. */
export type Reply<A = Answer> = A | Promise<A>;

/** Thrown to answer a request with a 4xx (or 503 while stopping) instead of what it asks for. Not a fault. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly status: number;
  readonly headers: AnswerHeaders | undefined;
  /** What a program tells it by, where the status alone does not say it. */
  readonly code: string | undefined;

  /** @param message the client reads it: it never holds anything that the client sent */
  constructor(status: number, message: string, headers?: AnswerHeaders, code?: string) {
    super(message);
    this.status = status;
    this.headers = headers;
    this.code = code;
  }
}

/** An answer with a JSON body. */
export function answer(status: number, value: string | number | object, more?: AnswerHeaders): Answer {
  const body = JSON.stringify(value);
  return { status, headers: { ...JSON_HEADERS, ...more, "content-length": String(bytesOf(body)) }, body };
}

/** An answer with a body that is no JSON. */
export function answerText(body: string, contentType: string): Answer {
  const headers = { ...COMMON, "content-type": contentType, "content-length": String(bytesOf(body)) };
  return { status: 200, headers, body };
}

/** An answer without a body. */
export function answerEmpty(status: 204 | 404): Answer {
  return NO_BODY[status];
}

/** An answer that says what is wrong. */
export function answerError(status: number, message: string, more?: AnswerHeaders): Answer {
  return answer(status, { error: message }, more);
}

/** Makes the answer that says what is wrong: {@link answerError}, or that of the API. */
export type ErrorFormat = (status: number, message: string, more?: AnswerHeaders, code?: string) => Answer;

/** The answer to what a handler has thrown: a refusal, a fault of the store, or a fault of ours, which is logged. */
export function answerThrown(error: unknown, log: Log, format: ErrorFormat = answerError): Answer {
  if (error instanceof Refusal) return format(error.status, error.message, error.headers, error.code);
  const status = error instanceof SojournError ? httpStatus[error.code] : 500;
  if (status >= 500 && status !== 503) return answerUnforeseen(error, log, format);
  const { code, message } = error as SojournError;
  if (status < 500) return format(status, message, undefined, code);
  log.error({ error: describeError(error) }, "the store failed");
  const unknown = "The session store did not answer; nothing is known about the session";
  return format(503, unknown, { "retry-after": "1" }, code);
}

/** The answer where something failed that nobody thought of. */
export function answerUnforeseen(error: unknown, log: Log, format: ErrorFormat = answerError): Answer {
  log.error({ error: describeError(error) }, "a request failed");
  return format(500, "The server failed to answer this request");
}

/** An answer as Hono and other frameworks take it. */
export function toResponse({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers });
}

/** Goes on with a reply: at once where it is there, since promises cost more than the look at a session in memory. */
export function after<A, B>(reply: Reply<A>, next: (value: A) => B): Reply<B> {
  return reply instanceof Promise ? reply.then(next) : next(reply);
}

/** How many bytes a text has in UTF-8. */
function bytesOf(text: string): number {
  // oxlint-disable-next-line no-control-regex
  return /^[\0-\x7f]*$/.test(text) ? text.length : new TextEncoder().encode(text).length;
}
