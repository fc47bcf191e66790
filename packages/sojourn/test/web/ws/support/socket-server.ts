/** A server of WebSockets with sessions, and clients of it, over real sockets. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { Sessions } from "../../../../src/sessions/sessions.ts";
import type { Mode } from "../../../../src/store/reply.ts";
import { cookieSessions } from "../../../../src/web/cookies/index.ts";
import { socketSessions, type SocketSessions, type SocketSessionsOptions } from "../../../../src/web/ws.ts";
import { KEY, keptOf, type Data } from "../../support/visitor.ts";

export interface SocketServer {
  readonly port: number;
  readonly http: Server;
  readonly sockets: SocketSessions<Data, Mode>;
  readonly wss: WebSocketServer;
  /** What the server's own listeners have seen, in order. */
  readonly seen: string[];
  /** Starts a session, and answers its id and its cookie. */
  login(userId?: string): Promise<{ readonly id: string; readonly cookie: string; readonly token: string }>;
  /** Connects, and waits until it is open. */
  connect(cookie: string, headers?: Record<string, string>): Promise<Client>;
  /** Connects in vain, and answers the status. */
  refused(headers: Record<string, string>): Promise<IncomingMessage>;
}

export interface Client {
  readonly socket: WebSocket;
  readonly messages: string[];
  /** Code and reason of the close frame. */
  readonly closed: Promise<readonly [code: number, reason: string]>;
}

/** Serves until the test is over, and echoes each message in upper case. */
export async function serveSockets(
  sessions: Sessions<Data, Mode>,
  options: Partial<SocketSessionsOptions<Data, Mode>> = {},
): Promise<SocketServer> {
  const sockets = socketSessions<Data, Mode>({ sessions, keys: [KEY], ...options });
  const { csrf: _, allowedOrigins: _a, extend: _e, onRefused: _o, guard: _g, ...web } = { keys: [KEY], ...options };
  const issuer = cookieSessions<Data, Mode>({ sessions, ...web });
  const wss = new WebSocketServer({ noServer: true });
  const seen: string[] = [];
  wss.on("connection", (socket) => {
    seen.push(`open ${sockets.of(socket).userId}`);
    socket.on("message", (data: Buffer) => {
      seen.push(data.toString());
      socket.send(data.toString().toUpperCase());
    });
    socket.on("close", () => seen.push("close"));
  });
  const server = createServer().on("upgrade", sockets.upgrade(wss) as never);
  onTestFinished(() => {
    for (const socket of wss.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const url = `ws://127.0.0.1:${port}/`;

  return {
    port,
    http: server,
    sockets,
    wss,
    seen,
    async login(userId = "ann") {
      const session = await issuer.start(new Request("https://app.test/login"));
      await session.login(userId);
      const headers = new Headers();
      await session.commit(headers);
      const cookie = keptOf(headers.getSetCookie()[0] ?? "") ?? "";
      return { id: session.id as string, cookie, token: /sess_[\w-]+/.exec(cookie)?.[0] ?? "" };
    },
    connect: async (cookie, headers) => connect(url, cookie, headers),
    async refused(headers) {
      const socket = new WebSocket(url, { headers });
      socket.on("error", () => {});
      const [, response] = (await once(socket, "unexpected-response")) as [unknown, IncomingMessage];
      socket.terminate();
      return response;
    },
  };
}

export async function connect(url: string, cookie: string, headers: Record<string, string> = {}): Promise<Client> {
  const socket = new WebSocket(url, { headers: { cookie, ...headers } });
  const messages: string[] = [];
  socket.on("message", (data: Buffer) => messages.push(data.toString()));
  const closed = new Promise<readonly [number, string]>((resolve) =>
    socket.once("close", (code: number, reason: Buffer) => resolve([code, reason.toString()])),
  );
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  return { socket, messages, closed };
}
