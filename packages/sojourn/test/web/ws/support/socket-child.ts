/**
 * A server of WebSockets in a process of its own: `node socket-child.ts <file of SQLite | URL of Redis>`.
 *
 * It says something to everybody every few milliseconds, and tells its parent what it hears.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { createSessions } from "../../../../src/sessions/create-sessions.ts";
import type { Store } from "../../../../src/store/store.ts";
import { socketSessions } from "../../../../src/web/ws.ts";

async function openStore(name: string): Promise<Store> {
  if (!name.startsWith("redis:"))
    return (await import("../../../../src/store/sqlite/index.ts")).sqliteStore({ path: name });
  const [{ createClient }, { redisStore }] = await Promise.all([
    import("redis"),
    import("../../../../src/store/redis/index.ts"),
  ]);
  return redisStore({ client: await createClient({ url: name }).connect() });
}

const [, , name = "", key = ""] = process.argv;
const sessions = createSessions({ store: await openStore(name) });
const sockets = socketSessions({ sessions, keys: [key] });
const wss = new WebSocketServer({ noServer: true });
wss.on("connection", (socket) => {
  socket.on("message", (data: Buffer) => process.send?.(`${sockets.of(socket).userId} ${data.toString()}`));
});
let said = 0;
setInterval(() => {
  for (const socket of wss.clients) socket.send(String(said));
  said++;
}, 5);
const server = createServer().on("upgrade", sockets.upgrade(wss) as never);
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit());
