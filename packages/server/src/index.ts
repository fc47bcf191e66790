/** The service as a Hono app, for those who serve it themselves. */
export { createApp } from "./http/app.ts";
export { DEFAULT_MAX_BODY, type AppOptions, type ServedSessions } from "./http/app-options.ts";
export type { Log } from "./http/log.ts";
export type { Metrics } from "./http/routes/metrics.ts";
export type { Verify } from "./http/routes/verify.ts";
