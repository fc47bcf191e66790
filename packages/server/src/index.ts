/** The service as a Hono app, for those who serve it themselves. */
export { createApp, DEFAULT_MAX_BODY, type AppOptions, type ServedSessions } from "./http/app.ts";
export type { Log } from "./http/log.ts";
