/** Login, profile and logout in Hono. Run it with `node examples/web/hono.ts` after `npm run build`. */
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { sessionMiddleware } from "sojourn/hono";
import { options, port } from "./open-sessions.ts";

const app = new Hono().use(sessionMiddleware(options));

app.post("/login", async (c) => {
  await c.var.session.login("42", { role: "admin" });
  return c.json({ logged_in: true });
});

app.get("/profile", (c) => {
  const { userId } = c.var.session;
  return userId === null ? c.json({ error: "not logged in" }, 401) : c.json({ user_id: userId });
});

app.post("/logout", async (c) => {
  await c.var.session.logout();
  return c.json({ logged_out: true });
});

serve({ fetch: app.fetch, port, hostname: "127.0.0.1" }, (address) =>
  console.log(`Hono on http://localhost:${address.port}`),
);
