import { openStore } from "app-support";
import { createSessions } from "sojourn";
import { sessionMiddleware } from "sojourn/express";

/** What a session holds beside its user. */
export interface Data {
  note: string;
  oauth: readonly { state: string; verifier: string }[];
}

const sessions = createSessions<Data>({
  store: await openStore(),
  ttl: `${Number(process.env["SESSION_TTL_SECONDS"] ?? 1_800)}s`,
});

export const session = sessionMiddleware({
  sessions,
  keys: [process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only"],
  // For http on this machine. Leave it out where https is, and the cookie is Secure.
  development: true,
});
