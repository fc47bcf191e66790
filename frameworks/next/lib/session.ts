import { createSessions } from "sojourn";
import { nextSessions } from "sojourn/next";
import { openStore, ttl } from "./store";

interface Data {
  note: string;
}

export const { getSession, withSession, proxy } = nextSessions({
  sessions: async () => createSessions<Data>({ store: await openStore(), ttl }),
  keys: [process.env.SESSION_KEY!],
});
