/** Stores on real servers, each over a client of its own. */
import { redisStore } from "../../src/store/redis/index.ts";
import type { Store } from "../../src/store/store.ts";
import type { OpenClient } from "../store/support/redis-clients.ts";
import { CLIENTS } from "./races.ts";
import { workerClock, type WorkerClock } from "./revocation-workload.ts";

export interface OpenStores {
  readonly stores: readonly Store<"async">[];
  /** The clock of each store; right until it is stepped. */
  readonly clocks: readonly WorkerClock[];
  close(): Promise<void>;
}

/** As many stores as a race has clients. */
export async function openStores(open: OpenClient, url: string): Promise<OpenStores> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, async () => open(url)));
  const clocks = clients.map(() => workerClock());
  const stores = await Promise.all(
    clients.map(async ({ client }, index) => redisStore({ client, clock: clocks[index]! })),
  );
  return {
    stores,
    clocks,
    async close() {
      for (const store of stores) await store.close();
      for (const { close } of clients) await close();
    },
  };
}
