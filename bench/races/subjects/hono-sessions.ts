/** hono-sessions with its own store. */
import { Hono } from "hono";
import { MemoryStore, sessionMiddleware, type Session } from "hono-sessions";
import type { Running, Subject } from "../subject.ts";
import { listenHono } from "./hono.ts";

export const honoSessions = (): Subject => ({
  name: "hono-sessions, MemoryStore",
  async start(routes): Promise<Running> {
    const store = new MemoryStore();
    let writes = 0;
    const [create, persist] = [store.createSession.bind(store), store.persistSessionData.bind(store)];
    store.createSession = (...given) => (writes++, create(...given));
    store.persistSessionData = (...given) => (writes++, persist(...given));

    const app = new Hono<{ Variables: { session: Session; session_key_rotation: boolean } }>();
    const encryptionKey = "a secret of the races, 32 characters and more";
    app.use("*", sessionMiddleware({ store, encryptionKey, expireAfterSeconds: 1_800 }) as never);
    for (const [path, route] of Object.entries(routes)) {
      app.get(path, async (c) => {
        const session = c.get("session");
        const answer = await route({
          get: (name) => session.get(name as never),
          set: (name, value) => session.set(name as never, value),
          destroy: () => session.deleteSession(),
        });
        return typeof answer === "string" ? c.text(answer) : c.redirect(answer.redirect);
      });
    }
    const { data } = store as unknown as { readonly data: ReadonlyMap<string, unknown> };
    return { ...(await listenHono(app)), stored: () => data.size, writes: () => writes };
  },
});
