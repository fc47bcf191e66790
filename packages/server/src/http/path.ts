/** Paths as they were sent, so that routing sees no decoded slash, and tokens in them. */
import { parseToken, type Token } from "sojourn";
import { Refusal } from "./answer.ts";

/** The path of a request, not decoded, without the query. */
export function rawPath(request: Request): string {
  const { url } = request;
  const start = url.indexOf("/", url.indexOf(":") + 3);
  const query = url.indexOf("?", start);
  const hash = url.indexOf("#", start);
  if (query === -1 && hash === -1) return url.slice(start);
  // The first of the two; a fragment is never sent, but a Request made in the process may have one.
  return url.slice(start, query === -1 || (hash !== -1 && hash < query) ? hash : query);
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
  return refined(parseToken, decoded(segment, "token"));
}

/** A segment of a path as it was meant. @param name what the message calls it @throws Refusal (400) */
export function decoded(segment: string, name: string): string {
  try {
    return segment.includes("%") ? decodeURIComponent(segment) : segment;
  } catch {
    throw new Refusal(400, `Expected the ${name} in the path to be percent-encoded UTF-8`);
  }
}

/** What a parser makes of a value. @throws Refusal (400) with the parser's message, which never holds the value */
export function refined<T>(parse: (value: unknown) => T, value: unknown): T {
  try {
    return parse(value);
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal(400, error.message);
    throw error;
  }
}
