/** Paths as they were sent, so that routing sees no decoded slash, and tokens in them. */
import { parseToken, type Token } from "sojourn";
import { Refusal } from "./refusal.ts";

/** The path of a request, not decoded, without the query. */
export function rawPath(request: Request): string {
  const { url } = request;
  const start = url.indexOf("/", url.indexOf(":") + 3);
  const end = url.slice(start).search(/[?#]/);
  return end === -1 ? url.slice(start) : url.slice(start, start + end);
}

/**
 * The token in `/sessions/:token` and what comes under it.
 *
 * @throws Refusal (400) if it is not percent-encoded UTF-8, or not a token
 */
export function tokenInPath(path: string): Token {
  const from = "/sessions/".length;
  const slash = path.indexOf("/", from);
  const segment = slash === -1 ? path.slice(from) : path.slice(from, slash);
  let text: string;
  try {
    text = decodeURIComponent(segment);
  } catch {
    throw new Refusal(400, "Expected the token in the path to be percent-encoded UTF-8");
  }
  return refined(() => parseToken(text));
}

/** What a parser makes of a value. @throws Refusal (400) with the parser's message, which never holds the value */
export function refined<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal(400, error.message);
    throw error;
  }
}
