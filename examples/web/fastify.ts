/** Login, profile and logout in Fastify. Run it with `node examples/web/fastify.ts` after `npm run build`. */
import Fastify from "fastify";
import { sessionPlugin } from "sojourn/fastify";
import { options, port } from "./open-sessions.ts";

const session = sessionPlugin(options);
const app = Fastify();
await app.register(session);

app.post("/login", async (request) => {
  await session.of(request).login("42", { role: "admin" });
  return { logged_in: true };
});

app.get("/profile", async (request, reply) => {
  const { userId } = session.of(request);
  if (userId !== null) return { user_id: userId };
  return reply.code(401).send({ error: "not logged in" });
});

app.post("/logout", async (request) => {
  await session.of(request).logout();
  return { logged_out: true };
});

const address = await app.listen({ port, host: "127.0.0.1" });
console.log(`Fastify on ${address.replace("127.0.0.1", "localhost")}`);
