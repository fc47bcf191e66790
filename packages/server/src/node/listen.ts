/** Serves an app on a socket of Node's, and closes it gracefully. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIPv6, type AddressInfo, type Socket } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { answerError } from "../http/answer.ts";
import { describeError, type Log } from "../http/log.ts";
import { answerClientErrors } from "./client-error.ts";

/** Options of {@link listen}. */
export interface ListenOptions {
  /** Gets Node's own request and response as `env`, as Hono's `fetch` takes them. */
  readonly fetch: (request: Request, env: object) => Response | Promise<Response>;
  readonly host: string;
  /** 0 takes one that is free. */
  readonly port: number;
  readonly log: Log;
  readonly limits?: Partial<Limits>;
}

/** How long a client may take, in milliseconds, and how much it may say. */
export interface Limits {
  /** Until the headers have arrived. @default 10,000 */
  readonly headersTimeout: number;
  /** Until the whole request has arrived. @default 30,000 */
  readonly requestTimeout: number;
  /** Between two requests on one connection; longer than the usual minute of a load balancer. @default 65,000 */
  readonly keepAliveTimeout: number;
  /** How often the first two are looked at. @default 1,000 */
  readonly checkInterval: number;
  /** The request line and the headers, in bytes. @default 16,384 */
  readonly maxHeaderSize: number;
}

const DEFAULT_LIMITS: Limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 65_000,
  checkInterval: 1_000,
  maxHeaderSize: 16_384,
};

/** A server that listens. */
export interface Listening {
  /** Such as `http://127.0.0.1:8787`. */
  readonly url: string;
  /**
   * Stops accepting, closes idle connections, and lets what runs finish.
   *
   * @param deadline after so many milliseconds, what still runs is cut
   * @returns whether everything had finished by then
   */
  close(deadline: number): Promise<boolean>;
}

/** @throws the system's error if it cannot listen there */
export async function listen(options: ListenOptions): Promise<Listening> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const stop = { begun: false };
  const server = createServer(
    {
      headersTimeout: limits.headersTimeout,
      requestTimeout: limits.requestTimeout,
      keepAliveTimeout: limits.keepAliveTimeout,
      connectionsCheckingInterval: limits.checkInterval,
      maxHeaderSize: limits.maxHeaderSize,
      // Node would answer without a body; the adapter refuses a missing host as well, and we say what is wrong.
      requireHostHeader: false,
    },
    requestListener(options, stop),
  );
  answerClientErrors(server, options.log);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: options.port, host: options.host }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    url: `http://${isIPv6(address) ? `[${address}]` : address}:${port}`,
    close: (deadline) => {
      stop.begun = true;
      return closeServer(server, sockets, deadline);
    },
  };
}

function requestListener(
  { fetch, log }: ListenOptions,
  stop: { readonly begun: boolean },
): (incoming: IncomingMessage, outgoing: ServerResponse) => void {
  const respond = getRequestListener((request, env) => fetch(request, env), {
    errorHandler: (error) => {
      if (error instanceof RequestError) return answerError(400, "Expected a valid request target and Host header");
      log.error({ error: describeError(error) }, "a request failed");
      return answerError(500, "The server failed to answer this request");
    },
  });
  return (incoming, outgoing) => {
    // Such a connection would otherwise stay open, and busy, for as long as its client goes on asking.
    if (stop.begun) outgoing.shouldKeepAlive = false;
    void respond(incoming, outgoing);
  };
}

/** How often idle connections are looked for while the server stops, in milliseconds. */
const CLOSE_IDLE_EVERY = 20;

function closeServer(server: Server, sockets: ReadonlySet<Socket>, deadline: number): Promise<boolean> {
  return new Promise((resolve) => {
    let finished = true;
    const cut = setTimeout(() => {
      finished = false;
      server.closeAllConnections();
    }, deadline);
    // Node closes the connections that are idle now; those that finish later become idle one by one.
    const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY);
    server.close(() => {
      clearTimeout(cut);
      clearInterval(idle);
      resolve(finished);
    });
    // A browser opens connections ahead of need. For Node, one on which nothing was ever said is not idle.
    for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
  });
}
