/** WebSockets of `ws` that close with their session. Run it with `node examples/live/ws.ts` after `npm run build`. */
import type { AddressInfo } from "node:net";
import { socketSessions } from "sojourn/ws";
import { WebSocketServer } from "ws";
import { options, port } from "../web/open-sessions.ts";
import { app } from "./accounts.ts";

const sockets = socketSessions({ ...options, extend: true });
const wss = new WebSocketServer({ noServer: true });

wss.on("connection", (socket) => {
  const { userId } = sockets.of(socket);
  socket.on("message", (data: Buffer) => socket.send(`${userId}: ${data.toString()}`));
});

const server = app.listen(port, "127.0.0.1", () =>
  console.log(`ws on http://localhost:${(server.address() as AddressInfo).port}`),
);
server.on("upgrade", sockets.upgrade(wss));
