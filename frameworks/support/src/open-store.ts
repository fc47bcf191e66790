import { memoryStore, type Store } from "sojourn";

/** A store by its name: `memory:`, `sqlite:FILE` or `redis://HOST:PORT`. @default what `STORE` says, else memory */
export async function openStore(name: string = process.env["STORE"] ?? "memory:"): Promise<Store> {
  if (name === "memory:") return memoryStore();
  if (name.startsWith("sqlite:")) {
    const { sqliteStore } = await import("sojourn/sqlite");
    return sqliteStore({ path: name.slice("sqlite:".length) });
  }
  const [{ createClient }, { redisStore }] = await Promise.all([import("redis"), import("sojourn/redis")]);
  const client = createClient({ url: name });
  client.on("error", (error: Error) => console.error("Redis:", error.message));
  return redisStore({ client: await client.connect() });
}
