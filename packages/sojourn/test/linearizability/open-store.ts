/** Stores on real servers, each over a client of its own. */
import { redisStore } from "../../src/store/redis/index.ts";
import type { Store } from "../../src/store/store.ts";
import type { OpenClient } from "../store/support/redis-clients.ts";
import { CLIENTS } from "./races.ts";

export interface OpenStores {
  readonly stores: readonly Store<"async">[];
  close(): Promise<void>;
}

/** As many stores as a race has clients. */
export async function openStores(open: OpenClient, url: string): Promise<OpenStores> {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, async () => open(url)));
  const stores = await Promise.all(clients.map(async ({ client }) => redisStore({ client })));
  return {
    stores,
    async close() {
      for (const store of stores) await store.close();
      for (const { close } of clients) await close();
    },
  };
}
