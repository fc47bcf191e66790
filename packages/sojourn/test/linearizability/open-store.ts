/** Stores on real servers, each over a client of its own. */
import { redisStore, type RedisOptions } from "../../src/store/redis/index.ts";
import type { Store } from "../../src/store/store.ts";
import type { OpenPostgresClient } from "../store/support/postgres-clients.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import type { TestClient } from "../store/support/redis-clients.ts";
import { CLIENTS } from "./races.ts";
import { workerClock, type WorkerClock } from "./revocation-workload.ts";

export interface OpenStores {
  readonly stores: readonly Store<"async">[];
  /** The clock of each store; right until it is stepped. */
  readonly clocks: readonly WorkerClock[];
  close(): Promise<void>;
}

/** As many stores in Redis as a race has clients. */
export async function openStores(
  open: () => Promise<TestClient>,
  options: Omit<RedisOptions, "client" | "clock"> = {},
): Promise<OpenStores> {
  return openEach(open, async (client, clock) => redisStore({ ...options, client, clock }));
}

/** As many stores in Postgres as a race has clients. */
export async function openPostgresStores(open: OpenPostgresClient, url: string): Promise<OpenStores> {
  const { client, close } = await open(url);
  await postgresStore.migrate(client);
  await close();
  return openEach(
    async () => open(url),
    async (client, clock) => postgresStore({ client, clock }),
  );
}

/** Each over a client of its own. */
async function openEach<Client>(
  open: () => Promise<{ readonly client: Client; close(): Promise<void> | void }>,
  openOn: (client: Client, clock: WorkerClock) => Promise<Store<"async">>,
): Promise<OpenStores> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, open));
  const clocks = clients.map(() => workerClock());
  const stores = await Promise.all(clients.map(async ({ client }, index) => openOn(client, clocks[index]!)));
  return {
    stores,
    clocks,
    async close() {
      for (const store of stores) await store.close();
      for (const { close } of clients) await close();
    },
  };
}
