/** `@fastify/websocket` whose sockets close with their session. Run it with `node examples/live/fastify.ts` after `npm run build`. */
import websocket from "@fastify/websocket";
import Fastify, { type FastifyRequest } from "fastify";
import { sessionPlugin } from "sojourn/fastify";
import { socketSessions, type LiveSession } from "sojourn/ws";
import { options, port, type Data } from "../web/open-sessions.ts";

const sockets = socketSessions({ ...options, extend: true });
const lives = new WeakMap<FastifyRequest, LiveSession<Data>>();
const app = Fastify();
await app.register(websocket);

await app.register(async (accounts) => {
  const session = sessionPlugin(options);
  await accounts.register(session);
  accounts.post("/login", async (request) => {
    await session.of(request).login("42", { role: "admin" });
    return { logged_in: true };
  });
  accounts.post("/logout", async (request) => {
    await session.of(request).logout();
    return { logged_out: true };
  });
});

app.get(
  "/live",
  {
    websocket: true,
    async preValidation(request, reply) {
      const { live, refusal } = await sockets.authenticate(request.raw);
      if (refusal === undefined) lives.set(request, live);
      else await reply.code(refusal.status).headers(refusal.headers).send(refusal.body);
    },
  },
  (socket, request) => {
    const live = lives.get(request) as LiveSession<Data>;
    sockets.guard(socket, live);
    socket.on("message", (data: Buffer) => socket.send(`${live.userId}: ${data.toString()}`));
  },
);

const address = await app.listen({ port, host: "127.0.0.1" });
console.log(`Fastify on ${address.replace("127.0.0.1", "localhost")}`);
