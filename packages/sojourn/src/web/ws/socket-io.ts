/**
 * Socket.IO: whoever connects is authenticated at the handshake of the connection, which all namespaces share, and every
 * message of that connection goes through its session.
 *
 * A message to a room goes to each connection without a call on its sockets, so messages are held back where all of them
 * pass: in the packets of the connection itself (`engine.io`).
 */
import type { IncomingRequest } from "../cookies/http-messages.ts";
import { closeAfterHeld, type LiveSession } from "./live-session.ts";
import type { Refusal } from "./refuse-upgrade.ts";

/** What of a `Server` of Socket.IO is used. */
export interface SocketIoServer {
  readonly engine: EngineServer;
  of(name: string): SocketIoNamespace;
  on(event: "new_namespace", listener: (namespace: never) => void): unknown;
}

interface EngineServer {
  use(middleware: (request: never, response: never, next: () => void) => void): unknown;
  on(event: "connection", listener: (connection: EngineConnection) => void): unknown;
}

interface SocketIoNamespace {
  use(middleware: (socket: NamespaceSocket, next: (error?: Error) => void) => void): unknown;
}

interface EngineRequest extends IncomingRequest {
  readonly _query: { readonly sid?: unknown };
}

interface EngineResponse {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  end(text: string): unknown;
}

interface EngineConnection {
  readonly request: object;
  sendPacket: (type: string, ...rest: unknown[]) => unknown;
  emit: (event: string, ...args: unknown[]) => boolean;
  close: (discard?: boolean) => void;
}

interface NamespaceSocket {
  readonly request: object;
  join(rooms: string[]): unknown;
  emit(event: string, body: unknown): unknown;
  disconnect(close: boolean): unknown;
}

/** As of `socketSessions`. */
type Authenticate = (
  request: IncomingRequest,
) => Promise<{ readonly live: LiveSession<unknown> | undefined; readonly refusal: Refusal | undefined }>;

/** @throws TypeError if the server is not attached yet, or recovers connections */
export function useSocketIo(server: SocketIoServer, authenticate: Authenticate): void {
  if (typeof server?.engine?.use !== "function") {
    throw new TypeError("Expected a server of Socket.IO that is attached to its HTTP server");
  }
  const { connectionStateRecovery } = Object(Reflect.get(server, "opts")) as {
    readonly connectionStateRecovery?: unknown;
  };
  if (connectionStateRecovery !== undefined) {
    throw new TypeError(
      "Expected a server of Socket.IO without `connectionStateRecovery`: it would give what was sent to one session to the next",
    );
  }
  const lives = new WeakMap<object, LiveSession<unknown>>();

  async function letIn(request: EngineRequest, response: EngineResponse, next: () => void): Promise<void> {
    // Later requests of a connection, and its upgrade, name it.
    const { _query: query } = request;
    if (query.sid) return next();
    const { live, refusal } = await authenticate(request);
    if (refusal !== undefined) {
      response.writeHead(refusal.status, refusal.headers);
      response.end(refusal.body);
      return;
    }
    if (live !== undefined) lives.set(request, live);
    next();
  }

  function join(socket: NamespaceSocket, next: (error?: Error) => void): void {
    const live = lives.get(socket.request);
    if (live === undefined) return next(new Error("Unauthorized"));
    socket.join([`session:${live.id}`, ...(live.userId === null ? [] : [`user:${live.userId}`])]);
    live.onEnd(({ reason }) => {
      socket.emit("session_ended", { reason });
      socket.disconnect(true);
    });
    next();
  }

  const use = (namespace: SocketIoNamespace): void => void namespace.use(join);
  server.engine.use(
    (request: EngineRequest, response: EngineResponse, next: () => void) => void letIn(request, response, next),
  );
  server.engine.on("connection", (connection) => {
    const live = lives.get(connection.request);
    if (live !== undefined) guardConnection(connection, live);
  });
  use(server.of("/"));
  server.on("new_namespace", use);
}

/** Lets messages through while the session lives, and closes the connection at its end. What keeps it up is no message. */
function guardConnection(connection: EngineConnection, live: LiveSession<unknown>): void {
  const { sendPacket, close, emit } = connection;
  let phase: "open" | "ending" | "ended" = "open";

  connection.sendPacket = (type, ...rest) => {
    const go = (): unknown => sendPacket.call(connection, type, ...rest);
    if (type !== "message" || phase === "ending") return go();
    return live.pass(() => void go());
  };

  /** The application's own: after all that was said before. */
  connection.close = (discard) => {
    const go = (): void => close.call(connection, discard);
    if (discard !== true && live.isHolding) closeAfterHeld(live, go);
    else go();
  };

  connection.emit = (event, ...args) => {
    const go = (): boolean => emit.call(connection, event, ...args);
    if (event === "close") live.close();
    if (event !== "data" && event !== "message") return go();
    live.pass(() => {
      if (event === "data") live.active();
      go();
    });
    return true;
  };

  live.onEnd(() => {
    // In this step the sockets say why, and disconnect; those that nobody has let in as well are cut off.
    phase = "ending";
    void Promise.resolve().then(() => {
      phase = "ended";
      return close.call(connection);
    });
  });
}
