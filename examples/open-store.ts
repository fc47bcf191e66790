/** A store by its name: `memory:`, `sqlite:<path>` or `redis://<host>:<port>`. */
import { memoryStore, type Store } from "sojourn";

export async function openStore(name: string, prefix: string): Promise<Store> {
  if (name === "memory:") return memoryStore();
  if (name.startsWith("sqlite:")) {
    const { sqliteStore } = await import("sojourn/sqlite");
    return sqliteStore({ path: name.slice("sqlite:".length), namespace: prefix });
  }
  const [{ createClient }, { redisStore }] = await Promise.all([import("redis"), import("sojourn/redis")]);
  const client = createClient({ url: name });
  client.on("error", (error: Error) => console.error("Redis:", error.message));
  return redisStore({ client: await client.connect(), prefix });
}
