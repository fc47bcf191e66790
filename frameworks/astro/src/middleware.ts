import { sequence } from "astro:middleware";
import { sessionMiddleware } from "sojourn/astro";
import { sessions } from "./lib/sessions.ts";

const session = sessionMiddleware({
  sessions,
  keys: [process.env["SESSION_KEY"] ?? "a key that everybody knows, for this app only"],
  development: true, // for http on this machine: leave it out where https is
});

export const onRequest = sequence(session, (context, next) => {
  const isPrivate = context.url.pathname.startsWith("/devices");
  return isPrivate && context.locals.session.userId === null ? context.redirect("/") : next();
});
