import type { H3Event } from "h3";
import { openStore } from "app-support";
import { createSessions } from "sojourn";
import { sessionMiddleware } from "sojourn/express";

/** What a session holds beside its user. */
interface Data {
  note: string;
}

export const session = sessionMiddleware({
  sessions: createSessions<Data>({
    store: await openStore(),
    ttl: `${Number(process.env["SESSION_TTL_SECONDS"] ?? 1_800)}s`,
  }),
  keys: [process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only"],
  development: true, // for http on this machine: leave it out where https is
});

/** The session of a request. */
export const sessionOf = (event: H3Event) => session.of(event.node.req);
