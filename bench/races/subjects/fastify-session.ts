/** @fastify/session with its own store. */
import fastifyCookie from "@fastify/cookie";
import fastifySession from "@fastify/session";
import fastify from "fastify";
import type { Routes, Running, Subject } from "../subject.ts";

/** @param always its options `rolling` and `saveUninitialized`, which are true by default */
export const fastifySessions = (always: boolean): Subject => ({
  name: `@fastify/session${always ? ", defaults" : ", rolling: false"}`,
  start: async (routes) => start(routes, always),
});

async function start(routes: Routes, always: boolean): Promise<Running> {
  const sessions = new Map<string, unknown>();
  const store = new fastifySession.MemoryStore(sessions as never);
  let writes = 0;
  const set = store.set.bind(store);
  store.set = (...given) => (writes++, set(...given));

  const app = fastify({ trustProxy: true });
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret: "a secret of the races, 32 characters and more",
    store,
    rolling: always,
    saveUninitialized: always,
  });
  for (const [path, route] of Object.entries(routes)) {
    app.get(path, async (request, reply) => {
      const answer = await route({
        get: (name) => (request.session as unknown as Record<string, unknown>)[name],
        set: (name, value) => void Object.assign(request.session, { [name]: value }),
        destroy: async () => request.session.destroy(),
      });
      return typeof answer === "string" ? reply.send(answer) : reply.redirect(answer.redirect);
    });
  }
  return {
    url: await app.listen({ host: "127.0.0.1", port: 0 }),
    stored: () => sessions.size,
    writes: () => writes,
    close: async () => app.close(),
  };
}
