/** Which pages of other origins may ask from a browser, and read the answers (CORS, as Fetch has it). */
import { after, answerEmpty, type Answer, type AnswerHeaders, type Reply } from "./answer.ts";
import { isApiPath } from "./api/problem.ts";
import type { Asked } from "./asked.ts";

/** What a page may read of an answer besides its body, and what it may send. A browser may remember it for ten minutes. */
interface Allowed {
  readonly exposed: AnswerHeaders;
  readonly preflight: AnswerHeaders;
}

const allowed = (methods: string, sent: string, exposed: string): Allowed => ({
  exposed: { "access-control-expose-headers": exposed },
  preflight: {
    "access-control-max-age": "600",
    "access-control-allow-methods": methods,
    "access-control-allow-headers": sent,
  },
});

/** `retry-after` comes with a 503. */
const PLAIN = allowed("GET,HEAD,POST", "authorization,content-type", "retry-after");
const OF_API = allowed(
  "GET,HEAD,POST,PATCH,DELETE",
  "authorization,content-type,if-match",
  "retry-after,etag,location",
);

/**
 * Has answers say whose pages may read them, and answers a browser that asks what its page may send: without the
 * handler, since a browser sends no key with that question.
 *
 * @param origins `["*"]` for all of them; none leaves the handler as it is
 */
export function crossOrigin<A extends Asked>(
  origins: readonly string[],
  handler: (asked: A) => Reply,
): (asked: A) => Reply {
  if (origins.length === 0) return handler;
  const headersFor = (origin: string | undefined, exposed: AnswerHeaders): AnswerHeaders => {
    if (origins.includes("*")) return { "access-control-allow-origin": "*", ...exposed };
    const isNamed = origin !== undefined && origins.includes(origin);
    return { ...(isNamed ? { "access-control-allow-origin": origin } : {}), ...exposed, vary: "Origin" };
  };
  return (asked) => {
    const { exposed, preflight } = isApiPath(asked.path) ? OF_API : PLAIN;
    const headers = headersFor(asked.header("origin"), exposed);
    if (asked.method === "OPTIONS") return withHeaders(answerEmpty(204), { ...headers, ...preflight });
    return after(handler(asked), (answer) => withHeaders(answer, headers));
  };
}

function withHeaders(answer: Answer, more: AnswerHeaders): Answer {
  return { ...answer, headers: { ...answer.headers, ...more } };
}
