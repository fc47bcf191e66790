/** How answers look: JSON, never cached, and an error is `{ "error": … }`. */

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

/** The body of every error. */
export function errorBody(message: string): string {
  return JSON.stringify({ error: message });
}

/** The headers of every error, and some more. */
export function errorHeaders(more?: AnswerHeaders): AnswerHeaders {
  return more === undefined ? JSON_HEADERS : { ...JSON_HEADERS, ...more };
}
