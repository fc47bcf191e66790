/** Serves an app on a socket of Node's, and closes it gracefully. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { isIPv6, type AddressInfo } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { answerError, answerUnforeseen, toResponse } from "../http/answer.ts";
import type { Log } from "../http/log.ts";
import type { FastRoute } from "../http/router.ts";
import { answerClientErrors } from "./client-error.ts";
import { connectionsOf } from "./connections.ts";
import { fastListener } from "./fast-routes.ts";

/** Options of {@link listen}. */
export interface ListenOptions {
  /** Gets Node's own request and response as `env`, as Hono's `fetch` takes them. */
  readonly fetch: (request: Request, env: object) => Response | Promise<Response>;
  /** Those that are answered before `fetch` is asked. @default none */
  readonly fastRoutes?: readonly FastRoute[];
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
  /** While nothing moves on a connection that has a request: nobody keeps it by not reading the answer. @default 60,000 */
  readonly stallTimeout: number;
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
  stallTimeout: 60_000,
  keepAliveTimeout: 65_000,
  checkInterval: 1_000,
  maxHeaderSize: 16_384,
};

/** A server that listens. */
export interface Listening {
  /** Such as `http://127.0.0.1:8787`. */
  readonly url: string;
  /**
   * Stops accepting, answers what has arrived, and closes each connection with its next answer or once it is quiet.
   *
   * @param deadline after so many milliseconds, what still runs is answered with a 503 and cut
   * @returns whether everything had finished by then
   */
  close(deadline: number): Promise<boolean>;
}

/** @throws the system's error if it cannot listen there */
export async function listen(options: ListenOptions): Promise<Listening> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const server = createServer({
    headersTimeout: limits.headersTimeout,
    requestTimeout: limits.requestTimeout,
    keepAliveTimeout: limits.keepAliveTimeout,
    connectionsCheckingInterval: limits.checkInterval,
    maxHeaderSize: limits.maxHeaderSize,
    // Node would answer without a body; the adapter refuses a missing host as well, and we say what is wrong.
    requireHostHeader: false,
  });
  server.timeout = limits.stallTimeout;
  const connections = connectionsOf(server);
  const answerFast = fastListener(options.fastRoutes ?? [], options.log);
  const respond = responder(options);
  server.on("request", (incoming, outgoing) => {
    if (!connections.begin(incoming, outgoing) || answerFast(incoming, outgoing)) return;
    void respond(incoming, outgoing);
  });
  answerClientErrors(server, options.log);
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
    close: (deadline) => connections.drain(deadline),
  };
}

function responder({
  fetch,
  log,
}: ListenOptions): (incoming: IncomingMessage, outgoing: ServerResponse) => void | Promise<void> {
  return getRequestListener((request, env) => fetch(request, env), {
    errorHandler: (error) => {
      const isTheirs = error instanceof RequestError;
      return toResponse(
        isTheirs ? answerError(400, "Expected a valid request target and Host header") : answerUnforeseen(error, log),
      );
    },
  });
}
