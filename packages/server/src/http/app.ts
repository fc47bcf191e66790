/**
 * The service as a Hono app: it needs nothing of Node, and its sessions may be in any store. Each route is a few
 * lines over the library; what is refused is refused before the store is asked.
 */
import { Hono, type Context } from "hono";
import { SojournError, httpStatus, type Mode, type Sessions } from "sojourn";
import { answer, answerEmpty, answerError } from "./answer.ts";
import { readJson } from "./body.ts";
import { keyGate, localGate, type Asked } from "./gate.ts";
import { describeError, noLog, type Log } from "./log.ts";
import { parseLoginRequest } from "./login-request.ts";
import { rawPath, tokenInPath } from "./path.ts";
import { Refusal } from "./refusal.ts";

/** Options of `createApp`. */
export interface AppOptions {
  /** The sessions that are served. Reading one never extends it, whatever the manager's refresh threshold is. */
  readonly sessions: ServedSessions;
  /**
   * The key that every request must bring.
   * @default none: only requests to localhost that no other site's page made are answered
   */
  readonly apiKey?: string | undefined;
  /** The largest body, in bytes. @default 16,384 */
  readonly maxBody?: number;
  /** @default nothing is logged */
  readonly log?: Log;
  /** Whether each request is a line in the log: method, route, status and milliseconds, never the token. @default false */
  readonly logRequests?: boolean;
  /**
   * The public keys that access tokens are verified with, such as `auth.jwks` of `sojourn/auth`: published as
   * `GET /.well-known/jwks.json`, behind the API key like every route. Asked at each request, so that keys can change.
   * @default none: there is no such path
   */
  readonly jwks?: () => object | Promise<object>;
  /** Whether the server is on its way down, so that `/readyz` says so. @default never */
  readonly isStopping?: () => boolean;
}

/** What the service asks of a session manager, of either mode: `createAuth(…).sessions` has it as well. */
export type ServedSessions = Pick<
  Sessions<Record<string, unknown>, Mode>,
  "authenticate" | "create" | "destroy" | "count"
>;

/** The largest body, in bytes, unless told otherwise. */
export const DEFAULT_MAX_BODY = 16_384;

/** Only a login restarts the clock of a session. */
const LOOK = { extend: false } as const;

type Handler = (c: Context) => Response | Promise<Response>;
type Handlers = Readonly<Partial<Record<"GET" | "POST", Handler>>>;

/** @throws TypeError for an API key that is too short or that no header could carry */
export function createApp(options: AppOptions): Hono {
  const { sessions, maxBody = DEFAULT_MAX_BODY } = options;
  const app = new Hono({ getPath: rawPath });
  const serve = server(options);

  const whoami: Handler = (c) =>
    after(sessions.authenticate(tokenInPath(c.req.path), LOOK), (session) =>
      session === undefined || session.userId === null ? answerEmpty(404) : answer(200, session.userId),
    );
  const logout: Handler = async (c) => {
    const session = await sessions.authenticate(tokenInPath(c.req.path), { extend: false });
    if (session !== undefined) await sessions.destroy(session.id);
    return answerEmpty(204);
  };
  const login: Handler = async (c) => {
    const { token, user } = parseLoginRequest(await readJson(c.req.raw, maxBody));
    await sessions.create(user, undefined, { token });
    return answer(201, "ok");
  };
  const active: Handler = async () => answer(200, await sessions.count());
  const ready: Handler = async () => {
    if (options.isStopping?.() === true) throw new Refusal(503, "The server is stopping");
    // The cheapest question that reaches the store.
    await sessions.count();
    return answer(200, "ready");
  };

  const route = (path: string, handlers: Handlers): void => {
    app.all(path, serve(path, byMethod(handlers)));
  };
  route("/sessions", { GET: active, POST: login });
  route("/sessions/:token", { GET: whoami });
  route("/sessions/:token/logout", { POST: logout });
  // An empty token, which `:token` does not match.
  route("/sessions/", { GET: whoami });
  route("/healthz", { GET: () => answer(200, "ok") });
  route("/readyz", { GET: ready });
  const { jwks } = options;
  if (jwks !== undefined) route("/.well-known/jwks.json", { GET: async () => answer(200, await jwks()) });
  const logoutNobody = byMethod({ POST: logout });
  app.notFound(
    // An empty token again. As a route, this path would make Hono take its slower router for all of them.
    serve("(unknown)", (c) =>
      c.req.path === "/sessions//logout" ? logoutNobody(c) : answerError(404, "There is no such path"),
    ),
  );
  return app;
}

/** Goes on with a reply: at once where it is there, since promises cost more than the look at a session in memory. */
function after<A>(reply: A | Promise<A>, next: (value: A) => Response): Response | Promise<Response> {
  return reply instanceof Promise ? reply.then(next) : next(reply);
}

/** Calls the handler of a method; HEAD is GET, of which Hono sends the head. @throws Refusal (405) */
function byMethod(handlers: Handlers): Handler {
  const { GET: get, POST: post } = handlers;
  const allow = [...(get ? ["GET", "HEAD"] : []), ...(post ? ["POST"] : [])].join(", ");
  return (c) => {
    const { method } = c.req;
    const handler = method === "GET" || method === "HEAD" ? get : method === "POST" ? post : undefined;
    if (handler === undefined)
      throw new Refusal(405, `Expected the method ${allow.replaceAll(", ", " or ")}`, { allow });
    return handler(c);
  };
}

/**
 * The headers as they came, where it is Node that serves: making a `Headers` of all of them costs more than the look at
 * a session. One that came twice is both, as `Headers` has it; Node's own `headers` would leave out a second host.
 */
function askedBy(c: Context): Asked {
  const incoming = (c.env as NodeBindings | undefined)?.incoming;
  if (incoming === undefined) return { url: c.req.url, header: (name) => c.req.raw.headers.get(name) ?? undefined };
  return {
    url: c.req.url,
    header: (name) => rawHeader(incoming.rawHeaders, name),
  };
}

/** What the Node adapter hands to a handler, as far as it is used here. */
interface NodeBindings {
  /** `rawHeaders`: names and values in turn. */
  readonly incoming?: { readonly rawHeaders: readonly string[] };
}

function rawHeader(rawHeaders: readonly string[], name: string): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const given = rawHeaders[index] as string;
    if (given.length !== name.length || given.toLowerCase() !== name) continue;
    const value = rawHeaders[index + 1] as string;
    found = found === undefined ? value : `${found}, ${value}`;
  }
  return found;
}

/** Wraps a handler in what all requests have in common: the gate, the answer to what is thrown, and the log. */
function server(options: AppOptions): (path: string, handler: Handler) => Handler {
  const { apiKey, log = noLog, logRequests = false } = options;
  const gate = apiKey === undefined ? localGate : keyGate(apiKey);
  return (path, handler) => {
    const respond = (c: Context): Response | Promise<Response> => {
      try {
        gate(askedBy(c));
        const response = handler(c);
        return response instanceof Promise ? response.catch((error: unknown) => answerThrown(error, log)) : response;
      } catch (error) {
        return answerThrown(error, log);
      }
    };
    if (!logRequests) return respond;
    return async (c) => {
      const start = performance.now();
      const response = await respond(c);
      const ms = Math.round((performance.now() - start) * 1_000) / 1_000;
      // The route, never the path: that may hold a token, even where it is not one of ours.
      log.info({ method: c.req.method, path, status: response.status, ms }, "request");
      return response;
    };
  };
}

function answerThrown(error: unknown, log: Log): Response {
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
