/** The service as a Hono app: it needs nothing of Node, and its sessions may be in any store. */
import type { Hono } from "hono";
import { apiRoutes } from "./api/api-routes.ts";
import { checkAppOptions, type AppOptions } from "./app-options.ts";
import { gateOf } from "./gate.ts";
import { serviceOf, type Service } from "./router.ts";
import { jwksRoute } from "./routes/jwks.ts";
import { metricsRoute } from "./routes/metrics.ts";
import { probeRoutes } from "./routes/probes.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { verifyRoute } from "./routes/verify.ts";

/**
 * The service as an app: `fetch` answers requests.
 *
 * @throws TypeError for an option that is unknown or not what it should be, such as an API key that is too short
 */
export function createApp(options: AppOptions): Hono {
  return createService(options).app;
}

/** The service as an app, and what of it a server of Node's can answer at less cost. @throws TypeError as `createApp` */
export function createService(options: AppOptions): Service {
  const { sessions, isStopping, protectProbes, jwks, verify, metrics, openMetrics, ...shared } =
    checkAppOptions(options);
  return serviceOf({
    ...shared,
    routes: [
      ...sessionRoutes(sessions),
      ...probeRoutes({ sessions, isStopping, isProtected: protectProbes }),
      ...(jwks === undefined ? [] : [jwksRoute(jwks)]),
      ...(verify === undefined ? [] : [verifyRoute(verify)]),
      ...(metrics === undefined ? [] : [metricsRoute(metrics, openMetrics)]),
      // Whoever may ask can list every session and end all of them: that is for nobody in particular.
      ...(shared.open ? [] : apiRoutes(sessions)),
    ],
    gate: gateOf(shared),
  });
}
