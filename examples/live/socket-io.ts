/** Socket.IO whose sockets close with their session. Run it with `node examples/live/socket-io.ts` after `npm run build`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { socketSessions } from "sojourn/ws";
import { options, port } from "../web/open-sessions.ts";
import { app } from "./accounts.ts";

const server = createServer(app);
const io = new Server(server);
socketSessions({ ...options, extend: true }).useSocketIo(io);

io.on("connection", (socket) => {
  // To every tab of this session: `session:…` is its room, and `user:…` that of the user's.
  const room = [...socket.rooms].find((name) => name.startsWith("session:")) ?? "";
  socket.on("say", (text: string) => io.to(room).emit("said", text));
});

server.listen(port, "127.0.0.1", () =>
  console.log(`Socket.IO on http://localhost:${(server.address() as AddressInfo).port}`),
);
