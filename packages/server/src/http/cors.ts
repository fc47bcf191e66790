/** Which pages of other origins may ask from a browser, and read the answers (CORS, as Fetch has it). */
import { after, answerEmpty, type Answer, type AnswerHeaders, type Reply } from "./answer.ts";
import type { Asked } from "./asked.ts";

/** What a page may read of an answer besides its body: `retry-after` comes with a 503. */
const EXPOSED = { "access-control-expose-headers": "retry-after" } as const;
/** What a page may send. A browser may remember it for ten minutes. */
const PREFLIGHT = {
  "access-control-max-age": "600",
  "access-control-allow-methods": "GET,HEAD,POST",
  "access-control-allow-headers": "authorization,content-type",
} as const;

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
  const headersFor = (origin: string | undefined): AnswerHeaders => {
    if (origins.includes("*")) return { "access-control-allow-origin": "*", ...EXPOSED };
    const isNamed = origin !== undefined && origins.includes(origin);
    return { ...(isNamed ? { "access-control-allow-origin": origin } : {}), ...EXPOSED, vary: "Origin" };
  };
  return (asked) => {
    const headers = headersFor(asked.header("origin"));
    if (asked.method === "OPTIONS") return withHeaders(answerEmpty(204), { ...headers, ...PREFLIGHT });
    return after(handler(asked), (answer) => withHeaders(answer, headers));
  };
}

function withHeaders(answer: Answer, more: AnswerHeaders): Answer {
  return { ...answer, headers: { ...answer.headers, ...more } };
}
