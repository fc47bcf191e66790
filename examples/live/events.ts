/** Server-sent events that end with their session. Run it with `node examples/live/events.ts` after `npm run build`. */
import type { AddressInfo } from "node:net";
import { socketSessions } from "sojourn/ws";
import { options, port } from "../web/open-sessions.ts";
import { app } from "./accounts.ts";

const sockets = socketSessions(options);

app.get("/live", async (req, res) => {
  const { live, refusal } = await sockets.authenticate(req);
  if (refusal !== undefined) {
    res.writeHead(refusal.status, refusal.headers).end(refusal.body);
    return;
  }
  // Who left meanwhile is told nothing. `live` holds nothing yet.
  if (res.closed) return;
  const send = (event: string, data: unknown): void =>
    void res.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
  // While the session lives, and not a message later.
  const ticks = setInterval(() => live.pass(() => send("tick", live.userId)), 20);
  live.onEnd(({ reason }) => {
    send("session_ended", { reason });
    res.end();
  });
  res.on("close", () => {
    clearInterval(ticks);
    live.close();
  });
});

const server = app.listen(port, "127.0.0.1", () =>
  console.log(`Events on http://localhost:${(server.address() as AddressInfo).port}`),
);
