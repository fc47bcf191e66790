/** The four routes: log in, resolve, log out, count. */
import { isSessionId, parseToken, parseUserId, type Mode, type Sessions, type Token, type UserId } from "sojourn";
import { after, answer, answerEmpty, Refusal } from "../answer.ts";
import type { Asked, AskedWithBody } from "../asked.ts";
import { refined, tokenInPath } from "../path.ts";
import type { Handler, Route } from "../router.ts";

/** What the four routes ask of a session manager. */
type RoutedSessions = Pick<
  Sessions<Record<string, unknown>, Mode>,
  "authenticate" | "create" | "destroyByToken" | "count"
>;

/** Only a login restarts the clock of a session. */
const LOOK = { extend: false } as const;

export function sessionRoutes(sessions: RoutedSessions): readonly Route[] {
  const login: Handler<AskedWithBody> = async (asked) => {
    const { token, user } = parseLoginRequest(await asked.json());
    await sessions.create(user, undefined, { token });
    return answer(201, "ok");
  };
  const whoami: Handler<Asked> = ({ path }) =>
    after(sessions.authenticate(tokenInPath(path), LOOK), (session) =>
      session === undefined || session.userId === null ? answerEmpty(404) : answer(200, session.userId),
    );
  const logout: Handler<Asked> = async ({ path }) => {
    // Also where it finds none, this waits until no process can let the session in any more: it may be the repeat of a
    // logout whose answer was lost.
    await sessions.destroyByToken(tokenInPath(path));
    return answerEmpty(204);
  };
  const active: Handler<Asked> = async () => answer(200, await sessions.count());
  return [
    { path: "/sessions", GET: active, POST: login },
    { path: "/sessions/:token", GET: whoami, isFast: true },
    { path: "/sessions/:token/logout", POST: logout },
    // An empty token, which `:token` does not match.
    { path: "/sessions/", GET: whoami },
    { path: "/sessions//logout", POST: logout, isLastResort: true },
  ];
}

/** What `POST /sessions` is told. */
interface LoginRequest {
  readonly token: Token;
  readonly user: UserId;
}

/** @throws Refusal (400) if it is anything but `{ "token": …, "user": … }` with a token and a user id in it */
function parseLoginRequest(body: unknown): LoginRequest {
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
