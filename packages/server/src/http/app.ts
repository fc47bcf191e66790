/** The service as a Hono app: it needs nothing of Node, and its sessions may be in any store. */
import type { Hono } from "hono";
import { checkAppOptions, type AppOptions } from "./app-options.ts";
import { gateOf } from "./gate.ts";
import { routerOf } from "./router.ts";
import { jwksRoute } from "./routes/jwks.ts";
import { probeRoutes } from "./routes/probes.ts";
import { sessionRoutes } from "./routes/sessions.ts";

/**
 * The service as an app: `fetch` answers requests.
 *
 * @throws TypeError for an option that is unknown or not what it should be, such as an API key that is too short
 */
export function createApp(options: AppOptions): Hono {
  const { sessions, maxBody, isStopping, protectProbes, jwks, ...shared } = checkAppOptions(options);
  return routerOf({
    ...shared,
    routes: [
      ...sessionRoutes({ sessions, maxBody }),
      ...probeRoutes({ sessions, isStopping, isProtected: protectProbes }),
      ...(jwks === undefined ? [] : [jwksRoute(jwks)]),
    ],
    gate: gateOf(shared),
  });
}
