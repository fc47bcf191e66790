/**
 * The connections of a server, and how they end when it stops: no client loses an answer to a request that had reached
 * it, as far as TCP lets a server know.
 *
 * Node's own `server.close()` destroys every connection that is between two requests, also where the next one lies
 * unread in the kernel: its client sees a reset. Here a connection is told with its next answer that it closes. One that
 * stays quiet is closed after a while, and only for writing: what its client may send at that moment is read, so that
 * the system answers it with no reset, and the client sees a proper end.
 */
import { Server, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { refuse } from "./client-error.ts";

/** How often connections are looked at while the server stops, in milliseconds. */
const LOOK_EVERY = 20;
/** After how many looks without a request a connection is closed for writing. Looks, and not time: what had arrived
 * while the process was busy with something else is read between two of them. */
const QUIET_LOOKS = 12;
/** After how many further looks it is destroyed if its client has not closed it. */
const LINGERING_LOOKS = 50;
/** For how long the connections that are cut may still take what they are told, in milliseconds. */
const LAST_WORDS = 100;

/** Keeps account of a server's connections. */
export interface Connections {
  /** Notes a request. Says whether it is to be answered: its connection may have been closed for writing. */
  begin(incoming: IncomingMessage, outgoing: ServerResponse): boolean;
  /**
   * Stops accepting, and ends each connection once it has no request.
   *
   * @param deadline after so many milliseconds, what still runs is answered with a 503 and cut
   * @returns whether everything had finished by then
   */
  drain(deadline: number): Promise<boolean>;
}

export function connectionsOf(server: Server): Connections {
  /** Each with its latest request. */
  const open = new Map<Socket, ServerResponse | undefined>();
  let isDraining = false;
  server.on("connection", (socket: Socket) => {
    open.set(socket, undefined);
    socket.once("close", () => open.delete(socket));
  });
  // Also a client that has said all it will ever say waits for its answer. Not in Node's documentation, but public.
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
  // `server.close()` calls it.
  server.closeIdleConnections = () => undefined;

  return {
    begin({ socket }, outgoing) {
      const before = open.get(socket);
      if (socket.writableEnded || (before?.headersSent === true && !before.shouldKeepAlive)) return false;
      open.set(socket, outgoing);
      if (isDraining) closeAfter(outgoing, before);
      return true;
    },

    async drain(deadline) {
      isDraining = true;
      for (const outgoing of open.values()) if (outgoing !== undefined) closeAfter(outgoing);
      // A connection that was made and not yet accepted would be reset: this lets the event loop accept it.
      for (let turn = 0; turn < 2; turn++) await setImmediate();
      return new Promise((resolve) => {
        let hasFinished = true;
        const looking = setInterval(lookAt(server, open), LOOK_EVERY);
        const cutting = setTimeout(() => {
          hasFinished = false;
          const idle = idleConnections(server, open.keys());
          for (const socket of open.keys()) {
            if (idle.has(socket)) socket.destroy();
            else refuse(socket, 503, "The server is stopping");
          }
          setTimeout(() => server.closeAllConnections(), LAST_WORDS);
        }, deadline);
        server.close(() => {
          clearInterval(looking);
          clearTimeout(cutting);
          resolve(hasFinished);
        });
      });
    },
  };
}

/** Has an answer say that it is its connection's last, in place of the one before it where requests came in a pipeline. */
function closeAfter(outgoing: ServerResponse, before?: ServerResponse): void {
  if (before !== undefined && !before.headersSent) before.shouldKeepAlive = true;
  if (!outgoing.headersSent) outgoing.shouldKeepAlive = false;
}

/** A look at all connections, which closes those that have been quiet. */
function lookAt(server: Server, open: ReadonlyMap<Socket, unknown>): () => void {
  const quietLooks = new WeakMap<Socket, number>();
  return () => {
    const idle = idleConnections(server, open.keys());
    for (const socket of open.keys()) {
      const looks = idle.has(socket) || socket.writableEnded ? (quietLooks.get(socket) ?? 0) + 1 : 0;
      quietLooks.set(socket, looks);
      if (looks === QUIET_LOOKS) socket.end();
      else if (looks === QUIET_LOOKS + LINGERING_LOOKS) socket.destroy();
    }
  };
}

/**
 * The connections that wait for a request of which nothing has arrived. Node's parser knows them, and the one way to
 * learn it is to have them destroyed, from which they are kept here. (A browser opens connections ahead of need. For
 * Node, one on which nothing was ever said is not idle.)
 */
function idleConnections(server: Server, sockets: Iterable<Socket>): ReadonlySet<Socket> {
  const all = [...sockets];
  const idle = new Set(all.filter(({ bytesRead }) => bytesRead === 0));
  for (const socket of all) {
    socket.destroy = () => {
      idle.add(socket);
      return socket;
    };
  }
  Server.prototype.closeIdleConnections.call(server);
  for (const socket of all) Reflect.deleteProperty(socket, "destroy");
  return idle;
}
