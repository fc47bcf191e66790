/** Sessions for Fastify 5: a thin adapter of `sojourn/cookies`. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { TooManyAttemptsError } from "../errors.ts";
import { requireOptions } from "../options.ts";
import type { Mode, Reply } from "../store/reply.ts";
import { cookieSessions, type CookieSessions } from "./cookies/cookie-sessions.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "./cookies/options.ts";
import type { RequestSession } from "./cookies/request-session.ts";
import { NO_HEADERS, type ResponseHeaders } from "./cookies/http-messages.ts";
import { ANSWER_HEADERS } from "./node/server-response.ts";

export type { RequestSession } from "./cookies/request-session.ts";

/** Options of `sessionPlugin`. */
export interface SessionPluginOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /** Where a request comes from, for the guard and for `devices`. @default `request.ip` */
  readonly address?: (request: FastifyRequest) => string | undefined;
}

/** The plugin, and the way to a session with its types. */
export interface SessionPlugin<Data, M extends Mode> {
  (instance: FastifyInstance, options: object, done: (error?: Error) => void): void;
  /** The session that a request has: `request.session`, with its types. @throws TypeError if the plugin is not there */
  of(request: object): RequestSession<Data, M>;
}

/**
 * A plugin that gives every request its session as `request.session`, and commits it in `onSend`, before the response's
 * headers go out. It holds for the whole instance that it is registered on.
 *
 * After `reply.hijack()` Fastify calls no hook: commit before you write, with `request.session.commit(reply.raw)`.
 *
 * What refuses a request goes to the error handler, with its HTTP status as `status`: 503 if the store cannot tell or
 * cannot save, 403 for another site's request, 429 from the guard.
 *
 * @example
 * ```ts
 * import Fastify from "fastify";
 * import { createSessions } from "sojourn";
 * import { sessionPlugin } from "sojourn/fastify";
 *
 * const session = sessionPlugin({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * const app = Fastify();
 * await app.register(session);
 * app.get("/", async (request) => session.of(request).userId ?? "nobody");
 * console.log((await app.inject("/")).body); // nobody
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function sessionPlugin<Data, M extends Mode>(options: SessionPluginOptions<Data, M>): SessionPlugin<Data, M> {
  requireOptions<object>("sessionPlugin", options, { ...COOKIE_SESSIONS_OPTIONS, address: true });
  const { address = ({ ip }: FastifyRequest) => ip, ...webOptions } = options;
  const web: CookieSessions<Data, M> = cookieSessions(webOptions);
  const isSync = web.mode === "sync";

  function start(request: FastifyRequest): Reply<M, RequestSession<Data, M>> {
    return web.start(request.raw, { address: () => address(request) });
  }

  function commit(session: RequestSession<Data, M>, reply: FastifyReply): Reply<M, boolean> {
    return session.commit(new ReplyHeaders(reply), { status: reply.statusCode });
  }

  // Where the store answers at once, nothing is made for an answer that comes later.
  function onRequest(request: FastifyRequest, reply: FastifyReply, done: Done): void {
    if (!isSync) return void startLater(request, reply, done);
    try {
      (request as object as WithSession<Data, M>).session = start(request) as RequestSession<Data, M>;
    } catch (error) {
      return refuse(reply, error, done);
    }
    done();
  }

  async function startLater(request: FastifyRequest, reply: FastifyReply, done: Done): Promise<void> {
    try {
      (request as object as WithSession<Data, M>).session = await start(request);
    } catch (error) {
      return refuse(reply, error, done);
    }
    done();
  }

  function onSend(request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void {
    const { session } = request as object as WithSession<Data, M>;
    // Refused before there was one.
    if (session === null) return done();
    try {
      void commit(session, reply);
    } catch (error) {
      // A session that began in this request ends: the client will not hear of it.
      void session.commit(NO_HEADERS, { status: 500 });
      return drop(reply, payload, error, done);
    }
    withdraw(reply, session);
    done();
  }

  // A promise, and no `done` that is called later: what Fastify throws out of that would end the process.
  async function onSendLater(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<void> {
    const { session } = request as object as WithSession<Data, M>;
    if (session === null) return;
    try {
      await commit(session, reply);
    } catch (error) {
      await session.commit(NO_HEADERS, { status: 500 });
      return drop(reply, payload, error, (fault) => {
        throw fault as Error;
      });
    }
    withdraw(reply, session);
  }

  function plugin(instance: FastifyInstance, _options: object, done: (error?: Error) => void): void {
    // Without its types, which another plugin of that name may have set.
    (instance as Decorator).decorateRequest("session", null);
    instance.addHook("onRequest", onRequest);
    instance.addHook("onSend", isSync ? onSend : onSendLater);
    done();
  }
  return Object.assign(plugin, {
    of: sessionOf<Data, M>,
    // The marks by which Fastify registers a plugin on the instance itself, instead of on a child of it.
    [Symbol.for("skip-override")]: true,
    [Symbol.for("fastify.display-name")]: "sojourn",
    [Symbol.for("plugin-meta")]: { name: "sojourn", fastify: ">=5" },
  });
}

interface Decorator {
  decorateRequest(name: string, value: null): unknown;
}

interface WithSession<Data, M extends Mode> {
  session: RequestSession<Data, M> | null;
}

type Done = (error?: Error) => void;

/** What was to be sent is not: the error handler makes another answer. */
function drop(reply: FastifyReply, payload: unknown, error: unknown, done: Done): void {
  // Nobody else would close it.
  (payload as { destroy?: () => void } | null | undefined)?.destroy?.();
  for (const name of ANSWER_HEADERS) reply.removeHeader(name);
  refuse(reply, error, done);
}

function refuse(reply: FastifyReply, error: unknown, done: Done): void {
  setRefusalHeaders(reply, error);
  done(error as Error);
}

function sessionOf<Data, M extends Mode>(request: object): RequestSession<Data, M> {
  const { session } = request as Partial<WithSession<Data, M>>;
  if (typeof session?.commit !== "function") {
    throw new TypeError("Expected a request that has a session: `sessionPlugin` has to be registered first");
  }
  return session;
}

/** The line that a commit has set. */
const issued = new WeakMap<FastifyReply, string>();

/**
 * An answer can fail after it was committed: in a later hook, or as a stream without a first byte. Then the error comes
 * through `onSend` as well, and takes back the cookie of a session that has ended by that.
 */
function withdraw(reply: FastifyReply, session: Pick<RequestSession<never>, "id">): void {
  const line = reply.statusCode >= 500 ? issued.get(reply) : undefined;
  if (line === undefined || session.id !== undefined) return;
  const others = [reply.getHeader("Set-Cookie") ?? []].flat().filter((other) => other !== line);
  reply.removeHeader("Set-Cookie");
  for (const other of others) void reply.header("Set-Cookie", other);
}

class ReplyHeaders implements ResponseHeaders {
  readonly #reply: FastifyReply;

  constructor(reply: FastifyReply) {
    this.#reply = reply;
  }

  get(name: string): string | null {
    const value = this.#reply.getHeader(name);
    if (value === undefined) return null;
    return Array.isArray(value) ? value.join(", ") : String(value);
  }

  set(name: string, value: string): void {
    void this.#reply.header(name, value);
  }

  /** Only `Set-Cookie` is appended, and Fastify keeps all of them. An answer that fails later comes here again. */
  append(name: string, value: string): void {
    if (issued.get(this.#reply) === value) return;
    issued.set(this.#reply, value);
    void this.#reply.header(name, value);
  }
}

function setRefusalHeaders(reply: FastifyReply, error: unknown): void {
  reply.header("Cache-Control", "no-store");
  if (error instanceof TooManyAttemptsError && error.retryAfter !== undefined) {
    reply.header("Retry-After", String(error.retryAfter));
  }
}
