/** The four routes: log in, resolve, log out, count. */
import { isSessionId, parseToken, parseUserId, type Mode, type Sessions, type Token, type UserId } from "sojourn";
import { answer, answerEmpty, Refusal } from "../answer.ts";
import { readJson } from "../body.ts";
import { refined, tokenInPath } from "../path.ts";
import type { Handler, Route } from "../router.ts";

/** Options of {@link sessionRoutes}. */
export interface SessionRoutesOptions {
  readonly sessions: Pick<
    Sessions<Record<string, unknown>, Mode>,
    "authenticate" | "create" | "destroyByToken" | "count"
  >;
  /** The largest body, in bytes. */
  readonly maxBody: number;
}

/** Only a login restarts the clock of a session. */
const LOOK = { extend: false } as const;

export function sessionRoutes({ sessions, maxBody }: SessionRoutesOptions): readonly Route[] {
  const login: Handler = async (c) => {
    const { token, user } = parseLoginRequest(await readJson(c.req.raw, maxBody));
    await sessions.create(user, undefined, { token });
    return answer(201, "ok");
  };
  const whoami: Handler = (c) =>
    after(sessions.authenticate(tokenInPath(c.req.path), LOOK), (session) =>
      session === undefined || session.userId === null ? answerEmpty(404) : answer(200, session.userId),
    );
  const logout: Handler = async (c) => {
    // Also where it finds none, this waits until no process can let the session in any more: it may be the repeat of a
    // logout whose answer was lost.
    await sessions.destroyByToken(tokenInPath(c.req.path));
    return answerEmpty(204);
  };
  const active: Handler = async () => answer(200, await sessions.count());
  return [
    { path: "/sessions", GET: active, POST: login },
    { path: "/sessions/:token", GET: whoami },
    { path: "/sessions/:token/logout", POST: logout },
    // An empty token, which `:token` does not match.
    { path: "/sessions/", GET: whoami },
    { path: "/sessions//logout", POST: logout, isLastResort: true },
  ];
}

/** Goes on with a reply: at once where it is there, since promises cost more than the look at a session in memory. */
function after<A>(reply: A | Promise<A>, next: (value: A) => Response): Response | Promise<Response> {
  return reply instanceof Promise ? reply.then(next) : next(reply);
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
