/** A load on several stores in Postgres, and what is to be true of it whatever befalls the server. */
import pg from "pg";
import { createSessions } from "../../../src/sessions/create-sessions.ts";
import { postgresStore } from "../../../src/store/postgres/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { postgresJs, type TestPostgresClient } from "./postgres-clients.ts";
import { startLoad, type Known, type Load } from "./redis-load.ts";

/** What the deadline of a call is by default, in milliseconds, and what a busy machine may add. */
const DEADLINE = 1_000;
const SLACK = 2_000;
/** What a call may be answered while a server is away, or another takes its place. */
const USUAL = new Set(["store_unavailable", "store_timeout", "store_readonly"]);

export interface PostgresLoad {
  readonly load: Load;
  readonly store: Store<"async">;
  /** What is wrong, whatever the server may lose. */
  faults(): unknown[];
  /** The acknowledged changes that are not there any more. */
  losses(): Promise<string[]>;
  stop(): Promise<void>;
}

/** Starts it, over pools of pg and of postgres.js, on a hundred sessions that are there before. */
export async function startPostgresLoad(url: string): Promise<PostgresLoad> {
  const opens = [pool, postgresJs, pool, postgresJs];
  const clients = await Promise.all(opens.map(async (open) => open(url)));
  await postgresStore.migrate(clients[0]!.client);
  const stores = await Promise.all(clients.map(async ({ client }) => postgresStore({ client })));
  const managers = stores.map((store) => createSessions<Record<string, never>>({ store }));
  const [first] = managers as [(typeof managers)[0]];
  const base: Known[] = [];
  for (let count = 0; count < 100; count++) base.push(await first.create("bob"));
  const load = startLoad(managers, base);
  const { ledger } = load;
  return {
    load,
    store: stores[0]!,
    faults() {
      const codes = [...ledger.faults.keys()].filter((code) => !USUAL.has(code));
      const slow = ledger.slowest < DEADLINE + SLACK ? [] : [`a call took ${ledger.slowest} ms`];
      return [...ledger.absent, ...ledger.strange, ...codes, ...slow];
    },
    async losses() {
      const back: string[] = [];
      for (const id of ledger.destroyed.keys()) if ((await first.get(id)) !== undefined) back.push(id);
      return [...ledger.lost, ...ledger.revived, ...back];
    },
    async stop() {
      await load.stop();
      for (const store of stores) await store.close();
      for (const { close } of clients) await close();
    },
  };
}

/** As the guide says: so that the pool does not wait for a server that is gone. */
async function pool(url: string): Promise<TestPostgresClient> {
  const client = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 500 });
  return { client, close: async () => client.end() };
}
