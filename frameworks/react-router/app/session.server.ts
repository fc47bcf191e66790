import { openStore } from "app-support";
import { createSessions } from "sojourn";
import { sessionMiddleware } from "sojourn/react-router";

/** What a session holds beside its user. */
interface Data {
  note: string;
}

const sessions = createSessions<Data>({
  store: await openStore(),
  ttl: `${Number(process.env["SESSION_TTL_SECONDS"] ?? 1_800)}s`,
});

export const session = sessionMiddleware({
  sessions,
  keys: [process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only"],
  development: true, // for http on this machine: leave it out where https is
});
