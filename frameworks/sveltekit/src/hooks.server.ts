import { redirect } from "@sveltejs/kit";
import { sequence } from "@sveltejs/kit/hooks";
import { sessionHandle } from "sojourn/sveltekit";
import { sessions } from "./lib/server/sessions.ts";

const session = sessionHandle({
  sessions,
  keys: [process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only"],
  development: true, // for http on this machine: leave it out where https is
});

export const handle = sequence(session, async ({ event, resolve }) => {
  const isPrivate = event.url.pathname.startsWith("/devices");
  if (isPrivate && event.locals.session.userId === null) redirect(303, "/");
  return resolve(event);
});
