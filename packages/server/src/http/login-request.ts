import { isSessionId, parseToken, parseUserId, type Token, type UserId } from "sojourn";
import { refined } from "./path.ts";
import { Refusal } from "./refusal.ts";

/** What `POST /sessions` is told. */
export interface LoginRequest {
  readonly token: Token;
  readonly user: UserId;
}

/** @throws Refusal (400) if it is anything but `{ "token": …, "user": … }` with a token and a user id in it */
export function parseLoginRequest(body: unknown): LoginRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new Refusal(400, 'Expected an object { "token": …, "user": … }');
  }
  // `JSON.parse` makes own fields of whatever a body holds, `__proto__` too: nothing is read from a prototype.
  const fields = new Map<string, unknown>(Object.entries(body));
  const token = refined(parseToken, fields.get("token"));
  const user = refined(parseUserId, fields.get("user"));
  if (fields.size !== 2) throw new Refusal(400, 'Expected no other fields than "token" and "user"');
  if (token === "." || token === "..") {
    // URLs have no way to write such a path segment, not even percent-encoded: nobody could log it out.
    throw new Refusal(400, "Expected a token that can stand in a path, which one or two dots cannot");
  }
  refuseMintedShape(token);
  return { token, user };
}

/**
 * Only the library makes tokens of that shape: who knows a session's id could otherwise start one under it.
 *
 * @throws Refusal (400)
 */
function refuseMintedShape(token: Token): void {
  try {
    isSessionId(token);
  } catch {
    throw new Refusal(400, "Expected a token of the caller's own, got one with the shape of a minted token");
  }
}
