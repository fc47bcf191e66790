/** Hono's WebSockets on Node, which close with their session. Run it with `node examples/live/hono.ts` after `npm run build`. */
import { serve, upgradeWebSocket } from "@hono/node-server";
import { Hono, type MiddlewareHandler } from "hono";
import { sessionMiddleware } from "sojourn/hono";
import { socketSessions, type LiveSession } from "sojourn/ws";
import { WebSocketServer, type WebSocket } from "ws";
import { options, port, type Data } from "../web/open-sessions.ts";

const sockets = socketSessions({ ...options, extend: true });
const session = sessionMiddleware(options);
const app = new Hono();

app.post("/login", session, async (c) => {
  await c.var.session.login("42", { role: "admin" });
  return c.json({ logged_in: true });
});

app.post("/logout", session, async (c) => {
  await c.var.session.logout();
  return c.json({ logged_out: true });
});

const letIn: MiddlewareHandler<{ Variables: { live: LiveSession<Data> } }> = async (c, next) => {
  const { live, refusal } = await sockets.authenticate(c.req.raw);
  if (refusal !== undefined) return new Response(refusal.body, refusal);
  c.set("live", live);
  return next();
};

app.get(
  "/live",
  letIn,
  upgradeWebSocket((c) => {
    const live = c.get("live") as LiveSession<Data>;
    return {
      onOpen: (_event, socket) => sockets.guard(socket.raw as WebSocket, live),
      onMessage: ({ data }, socket) => socket.send(`${live.userId}: ${data as string}`),
    };
  }),
);

// `as never`: with exactOptionalPropertyTypes, Hono's type for it is not the one of `ws`.
const server = new WebSocketServer({ noServer: true }) as never;
serve({ fetch: app.fetch, port, hostname: "127.0.0.1", websocket: { server } }, (address) =>
  console.log(`Hono on http://localhost:${address.port}`),
);
