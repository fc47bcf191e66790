export { openStore } from "app-support";

/** How long a session lives unused. */
export const ttl = `${Number(process.env.SESSION_TTL_SECONDS ?? 1_800)}s` as const;
