/** crossws on Node, whose peers close with their session. Run it with `node examples/live/crossws.ts` after `npm run build`. */
import type { AddressInfo } from "node:net";
import crossws from "crossws/adapters/node";
import { socketSessions, type GuardedSocket, type LiveSession } from "sojourn/ws";
import { options, port, type Data } from "../web/open-sessions.ts";
import { app } from "./accounts.ts";

const sockets = socketSessions({ ...options, extend: true });
const liveOf = (context: Record<string, unknown>): LiveSession<Data> => context["live"] as LiveSession<Data>;

const ws = crossws({
  hooks: {
    async upgrade(request) {
      const { live, refusal } = await sockets.authenticate(request);
      if (refusal !== undefined) return new Response(refusal.body, refusal);
      return { context: { live } };
    },
    open: (peer) => sockets.guard(peer.websocket as unknown as GuardedSocket, liveOf(peer.context)),
    message: (peer, message) => void peer.send(`${liveOf(peer.context).userId}: ${message.text()}`),
  },
});

const server = app.listen(port, "127.0.0.1", () =>
  console.log(`crossws on http://localhost:${(server.address() as AddressInfo).port}`),
);
server.on("upgrade", (request, socket, head) => void ws.handleUpgrade(request, socket, head));
