import { openStore } from "app-support";
import { createSessions } from "sojourn";

/** What a session holds beside its user. */
export interface Data {
  note: string;
}

export const sessions = createSessions<Data>({
  store: await openStore(),
  ttl: `${Number(process.env["SESSION_TTL_SECONDS"] ?? 1_800)}s`,
});
