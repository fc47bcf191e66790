/** The service as a Hono app: it needs nothing of Node, and its sessions may be in any store. */
import type { Hono } from "hono";
import type { Mode, Sessions } from "sojourn";
import { keyGate, localGate } from "./gate.ts";
import { noLog, type Log } from "./log.ts";
import { routerOf } from "./router.ts";
import { jwksRoute } from "./routes/jwks.ts";
import { probeRoutes } from "./routes/probes.ts";
import { sessionRoutes } from "./routes/sessions.ts";

/** Options of `createApp`. */
export interface AppOptions {
  /** The sessions that are served. Reading one never extends it, whatever the manager's refresh threshold is. */
  readonly sessions: ServedSessions;
  /**
   * The key that every request must bring, but for `/healthz` and `/readyz`.
   * @default none: only requests to localhost that no other site's page made are answered
   */
  readonly apiKey?: string | undefined;
  /**
   * Whether `/healthz` and `/readyz` need the key as well. They tell nothing but a word, and what asks them, such as a
   * load balancer, often has no key.
   * @default false
   */
  readonly protectProbes?: boolean;
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
  "authenticate" | "create" | "destroy" | "get" | "count"
>;

/** The largest body, in bytes, unless told otherwise. */
export const DEFAULT_MAX_BODY = 16_384;

/** @throws TypeError for an API key that is too short or that no header could carry */
export function createApp(options: AppOptions): Hono {
  const { sessions, apiKey, jwks, log = noLog, logRequests = false } = options;
  const { maxBody = DEFAULT_MAX_BODY, isStopping = () => false, protectProbes: isProtected = false } = options;
  return routerOf({
    routes: [
      ...sessionRoutes({ sessions, maxBody }),
      ...probeRoutes({ sessions, isStopping, isProtected }),
      ...(jwks === undefined ? [] : [jwksRoute(jwks)]),
    ],
    gate: apiKey === undefined ? localGate : keyGate(apiKey),
    log,
    logRequests,
  });
}
