/** `socketSessions`: connections that stay open, and end with their session. */
import { tellOf } from "../../sessions/events.ts";
import type { SessionEndedError } from "../../sessions/ends/session-end.ts";
import { requireOptions } from "../../options.ts";
import { show } from "../../show.ts";
import type { Mode } from "../../store/reply.ts";
import { cookieSessions } from "../cookies/cookie-sessions.ts";
import { crossSiteCheck, trustedOriginsOf, type CrossSiteCheck, type OriginsOption } from "../cookies/cross-site.ts";
import type { IncomingRequest } from "../cookies/http-messages.ts";
import { COOKIE_SESSIONS_OPTIONS, type CookieSessionsOptions } from "../cookies/options.ts";
import { activity } from "./activity.ts";
import { guardSocket, type GuardedSocket } from "./guard-socket.ts";
import { liveSession, type LiveSession } from "./live-session.ts";
import { refusalOf, refuseUpgrade, type Refusal, type UpgradeSocket } from "./refuse-upgrade.ts";
import { useSocketIo, type SocketIoServer } from "./socket-io.ts";

/** Options of `socketSessions`: those of the middleware beside it, and a few of its own. */
export interface SocketSessionsOptions<Data, M extends Mode> extends CookieSessionsOptions<Data, M> {
  /**
   * Whose pages may open connections as the user, beside those of the same origin; `"*"` for everybody's. No CORS holds for
   * WebSockets, so this is checked whatever `csrf` says. @default the `trustedOrigins` of `csrf`
   */
  readonly allowedOrigins?: readonly string[] | "*";
  /**
   * Whether messages of the client extend the session, at most once a refresh window. The cookie is not extended, which
   * takes an answer to a request. @default false
   */
  readonly extend?: boolean;
  /**
   * Told of each upgrade that was refused, for a log. What it throws, or rejects with, is told to the manager's
   * `onListenerError`; the client is answered all the same. @default nobody
   */
  readonly onRefused?: (refusal: Refusal, request: IncomingRequest) => void;
}

/** Options of `authenticate`. */
export interface AuthenticateOptions {
  /** Where the request came from, for the guard. @default what Node knows of the socket */
  readonly address?: string | undefined | (() => string | undefined);
}

/** Either a live session, or the answer to who is not let in. */
export type Authenticated<Data, M extends Mode> =
  | { readonly live: LiveSession<Data, M>; readonly refusal: undefined }
  | { readonly live: undefined; readonly refusal: Refusal };

/** A `WebSocketServer` of `ws`, made with `noServer: true`. */
export interface UpgradeServer {
  handleUpgrade(request: never, socket: never, head: never, done: (socket: GuardedSocket) => void): void;
  emit(event: "connection", socket: never, request: never): unknown;
}

/** A listener of `upgrade` of Node's server. */
export type UpgradeListener = (request: IncomingRequest, socket: UpgradeSocket, head: unknown) => void;

/** What `socketSessions` makes. */
export interface SocketSessions<Data, M extends Mode> {
  /**
   * The live session of a request that opens a connection, such as an upgrade or an event stream, or else how to refuse it.
   * Nothing is changed by it: no cookie is set, the session is not extended, no token is replaced.
   */
  authenticate(request: IncomingRequest, options?: AuthenticateOptions): Promise<Authenticated<Data, M>>;
  /**
   * Lets messages through a WebSocket of `ws` while a session lives, in both directions, and closes it when the session
   * ends: with the code 4401 and the end's reason, or 4503 if nobody can tell any more. Call it before anything else is
   * done with the socket. Hono, `@fastify/websocket` and crossws have such sockets on Node as well.
   *
   * @throws TypeError for a socket of another kind, as other runtimes have: `live.pass` and `live.onEnd` are for those
   */
  guard(socket: GuardedSocket, live: LiveSession<Data, M>): void;
  /**
   * Upgrades who is let in to a WebSocket of `ws`, guarded, and emits its `connection`. Everybody else is answered on the
   * socket.
   */
  upgrade(server: UpgradeServer): UpgradeListener;
  /** The session of a socket that `upgrade` or `guard` had. @throws TypeError for another one */
  of(socket: object): LiveSession<Data, M>;
  /**
   * Has a server of Socket.IO do the same, on all its namespaces. Each socket joins the rooms `session:<id>` and, if the
   * session is somebody's, `user:<userId>`. When the session ends, it is sent `session_ended`, with `{ reason }`, and
   * disconnected. Call it after the server was attached to its HTTP server, and before it gets other namespaces.
   *
   * @throws TypeError for a server with `connectionStateRecovery`, which would give what was sent to one session to the next
   */
  useSocketIo(server: SocketIoServer): void;
}

/**
 * Sessions of connections that stay open. Such a connection is let in as a request is, by the session's cookie, and closed
 * when the session ends, whoever ends it in whichever process, and when its time is up.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { createSessions } from "sojourn";
 * import { socketSessions } from "sojourn/ws";
 * import { WebSocketServer } from "ws";
 *
 * const sockets = socketSessions({ sessions: createSessions(), keys: ["only for this page: 32 bytes or more"] });
 * const wss = new WebSocketServer({ noServer: true });
 * wss.on("connection", (socket) => socket.on("message", () => socket.send(`hello ${sockets.of(socket).userId}`)));
 * const server = createServer().on("upgrade", sockets.upgrade(wss));
 * console.log(server.listenerCount("upgrade")); // 1
 * ```
 * @throws TypeError as `cookieSessions` does
 */
export function socketSessions<Data, M extends Mode>(options: SocketSessionsOptions<Data, M>): SocketSessions<Data, M> {
  requireOptions<object>("socketSessions", options, {
    ...COOKIE_SESSIONS_OPTIONS,
    allowedOrigins: true,
    extend: true,
    onRefused: true,
  });
  const { allowedOrigins: _, extend = false, onRefused, ...webOptions } = options;
  if (typeof extend !== "boolean") throw new TypeError(`Expected \`extend\` to be true or false, got ${show(extend)}`);
  if (onRefused !== undefined && typeof onRefused !== "function") {
    throw new TypeError(`Expected \`onRefused\` to be a function, got ${show(onRefused)}`);
  }
  const web = cookieSessions<Data, M>({ ...webOptions, csrf: false });
  const { sessions } = options;
  const checkOrigin = originCheck(options);
  // A manager of `sojourn/core` that was made without tells so now.
  sessions.ends.isCurrent("");
  const tell = tellOf(sessions.policy);
  const context = {
    sessions,
    tell,
    activity: extend ? activity(sessions) : undefined,
    now: () => sessions.policy.clock.now(),
  };
  const lives = new WeakMap<object, LiveSession<Data, M>>();

  async function liveSessionOf(
    request: IncomingRequest,
    given: AuthenticateOptions | undefined,
  ): Promise<LiveSession<Data, M> | undefined> {
    checkOrigin?.(request, true);
    const session = await web.start(request, { readOnly: true, address: given?.address });
    const { id } = session;
    return id === undefined ? undefined : liveSession(context, session, id);
  }

  async function authenticate(request: IncomingRequest, given?: AuthenticateOptions): Promise<Authenticated<Data, M>> {
    let error: unknown;
    try {
      const live = await liveSessionOf(request, given);
      if (live !== undefined) return { live, refusal: undefined };
    } catch (thrown) {
      error = thrown;
    }
    return { live: undefined, refusal: refused(error, request) };
  }

  function refused(error: unknown, request: IncomingRequest): Refusal {
    const refusal = refusalOf(error);
    if (onRefused !== undefined) tell(() => onRefused(refusal, request), undefined);
    return refusal;
  }

  function guard(socket: GuardedSocket, live: LiveSession<Data, M>): void {
    guardSocket(socket, live);
    lives.set(socket, live);
  }

  function upgrade(server: UpgradeServer): UpgradeListener {
    async function answer(request: IncomingRequest, socket: UpgradeSocket, head: unknown): Promise<void> {
      // Node has taken its own listener away.
      const gone = (): void => void socket.destroy();
      socket.on("error", gone);
      const { live, refusal } = await authenticate(request);
      if (refusal !== undefined) return refuseUpgrade(socket, refusal);
      let isAccepted = false;
      socket.once("close", () => {
        if (!isAccepted) live.close();
      });
      // Who is let in can talk at once.
      const ended = await endedMeanwhile(live);
      if (ended !== undefined) return refuseUpgrade(socket, refused(ended, request));
      if (socket.destroyed) return live.close();
      socket.removeListener("error", gone);
      server.handleUpgrade(request as never, socket as never, head as never, (accepted) => {
        isAccepted = true;
        guard(accepted, live);
        server.emit("connection", accepted as never, request as never);
      });
    }
    return (request, socket, head) => void answer(request, socket, head);
  }

  return Object.freeze({
    authenticate,
    guard,
    upgrade,
    of(socket: object) {
      const live = lives.get(socket);
      if (live === undefined) throw new TypeError("Expected a socket that `upgrade` or `guard` had");
      return live;
    },
    useSocketIo: (server: SocketIoServer) => useSocketIo(server, authenticate),
  });
}

/** Why a session is over by now; waits until that is certain. */
async function endedMeanwhile(live: LiveSession<unknown>): Promise<SessionEndedError | undefined> {
  return new Promise((resolve) => live.pass(() => resolve(undefined), resolve));
}

const ALLOWED_ORIGINS: OriginsOption = {
  name: "allowedOrigins",
  example: (origin) => `allowedOrigins: [${origin}]`,
};

function originCheck<Data, M extends Mode>({
  allowedOrigins,
  csrf = true,
  development = false,
}: SocketSessionsOptions<Data, M>): CrossSiteCheck | undefined {
  const trusted = trustedOriginsOf(csrf);
  if (allowedOrigins === "*") return undefined;
  return crossSiteCheck(
    allowedOrigins === undefined ? trusted : allowedOrigins,
    development !== false,
    ALLOWED_ORIGINS,
  );
}
