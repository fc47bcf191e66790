/** Every store that the contract, the model and the races are run against. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { sqliteStore } from "../../../src/store/sqlite/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore } from "../../../src/testing/index.ts";
import { BetterSqlite3 } from "../sqlite/support/better-sqlite3.ts";
import { redisStore } from "../../../src/store/redis/index.ts";
import type { PGlite } from "@electric-sql/pglite";
import { postgresStore } from "../../../src/store/postgres/index.ts";
import { pgClient, pgPool, postgresJs, type OpenPostgresClient } from "./postgres-clients.ts";
import { noPostgres } from "./postgres-binary.ts";
import { startPglite } from "./start-pglite.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";
import { LONGER } from "../../linearizability/races.ts";
import { emptySpace, naiveStore, type Space } from "./naive-store.ts";
import { ioredis5, ioredis6, nodeRedis5, nodeRedis6, type OpenClient } from "./redis-clients.ts";
import { startRedis } from "./redis-server.ts";

export interface StoreUnderTest {
  readonly name: string;
  /** Whether a namespace opened again is a second store on the same entries. */
  readonly twoStores: boolean;
  /** How many random runs the model test makes: fewer where a write waits for a disk. */
  readonly modelRuns: number;
  /** A place for stores of its own: namespaces of two places never meet. */
  place(): Place;
}

export interface Place {
  open(options: { readonly namespace: string }): Store | Promise<Store>;
  /** Frees what the place holds, once its stores are closed. */
  remove?(): void | Promise<void>;
}

export const stores: readonly StoreUnderTest[] = [
  { name: "memory", twoStores: false, modelRuns: 300, place: () => ({ open: () => memoryStore() }) },
  {
    name: "memory, behind a network",
    twoStores: false,
    modelRuns: 100,
    place: () => ({ open: () => asyncStore(memoryStore()) }),
  },
  { name: "naive", twoStores: true, modelRuns: 300, place: naivePlace },
];

/** The SQLite stores; they run the contract beside their own tests. */
export const sqliteStores: readonly StoreUnderTest[] = [
  { name: "node:sqlite, in memory", twoStores: true, modelRuns: 100, place: nodeSqlitePlace },
  { name: "better-sqlite3, in memory", twoStores: true, modelRuns: 50, place: betterSqlitePlace },
  {
    name: "node:sqlite, two connections to a file",
    twoStores: true,
    modelRuns: 30,
    place: () => inFolder((path, namespace) => sqliteStore({ path, namespace })),
  },
  {
    name: "grouped commits",
    twoStores: true,
    modelRuns: 20,
    place: () => inFolder((path, namespace) => sqliteStore({ path, namespace, commit: "grouped" })),
  },
];

/** The Redis stores, each over a client of its own on a server of its own. */
export const redisStores: readonly StoreUnderTest[] = [
  { name: "node-redis 6", twoStores: true, modelRuns: 40, place: () => redisPlace(nodeRedis6, 1) },
  { name: "node-redis 6, 3 shards", twoStores: true, modelRuns: 40, place: () => redisPlace(nodeRedis6, 3) },
  { name: "node-redis 5", twoStores: true, modelRuns: 15, place: () => redisPlace(nodeRedis5, 1) },
  { name: "ioredis 6", twoStores: true, modelRuns: 15, place: () => redisPlace(ioredis6, 1) },
  { name: "ioredis 5, 5 shards", twoStores: true, modelRuns: 15, place: () => redisPlace(ioredis5, 5) },
];

/** The Postgres stores over clients of their own, in schemas of their own on one server. */
const postgresServerStores: readonly StoreUnderTest[] = [
  { name: "pg, a pool", twoStores: true, modelRuns: 8 * LONGER, place: () => postgresPlace(pgPool) },
  {
    name: "pg, prepared, a client",
    twoStores: true,
    modelRuns: 4 * LONGER,
    place: () => postgresPlace(pgClient, true),
  },
  { name: "postgres.js", twoStores: true, modelRuns: 5 * LONGER, place: () => postgresPlace(postgresJs) },
];

/** The Postgres stores that can run here: Postgres inside of this process needs no server. */
export const postgresStores: readonly StoreUnderTest[] = [
  { name: "PGlite", twoStores: true, modelRuns: 3 * LONGER, place: pglitePlace },
  ...(noPostgres ? [] : postgresServerStores),
];

function nodeSqlitePlace(): Place {
  const database = new DatabaseSync(":memory:");
  return { open: ({ namespace }) => sqliteStore({ database, namespace }), remove: () => database.close() };
}

function betterSqlitePlace(): Place {
  const database = new BetterSqlite3(":memory:");
  return { open: ({ namespace }) => sqliteStore({ database, namespace }), remove: () => database.close() };
}

function inFolder(open: (path: string, namespace: string) => Store): Place {
  const folder = mkdtempSync(join(tmpdir(), "sojourn-model-"));
  return {
    open: ({ namespace }) => open(join(folder, "sessions.db"), namespace),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function naivePlace(): Place {
  const spaces = new Map<string, Space>();
  return {
    open({ namespace }) {
      const space = spaces.get(namespace) ?? emptySpace();
      spaces.set(namespace, space);
      return naiveStore(space);
    },
  };
}

/** A server and two clients, as two workers have them; each store that is opened takes the other one. */
function redisPlace(open: OpenClient, shards: number): Place {
  let started: ReturnType<typeof start> | undefined;
  let opened = 0;
  const start = async () => {
    const server = await startRedis();
    return { server, clients: [await open(server.url), await open(server.url)] as const };
  };
  return {
    async open({ namespace }) {
      started ??= start();
      const { clients } = await started;
      const { client } = clients[opened++ % 2 === 0 ? 0 : 1];
      // The logical clock of the suites runs a day ahead.
      return redisStore({ client, prefix: namespace, shards, checkClock: false });
    },
    async remove() {
      const { server, clients } = (await started) ?? {};
      for (const each of clients ?? []) await each.close();
      await server?.stop();
    },
  };
}

let postgres: Promise<PostgresServer> | undefined;
let schemas = 0;

/** One server for all stores of a file. It ends with the process: no test here is about what survives a crash. */
async function sharedPostgres(): Promise<PostgresServer> {
  return (postgres ??= startPostgres({ settings: { fsync: "off" } }));
}

/** Two clients, as two workers have them; each store that is opened takes the other one. */
function postgresPlace(open: OpenPostgresClient, prepare = false): Place {
  const schema = `stores_${++schemas}`;
  let started: ReturnType<typeof start> | undefined;
  let opened = 0;
  const start = async () => {
    const { url } = await sharedPostgres();
    const clients = [await open(url), await open(url)] as const;
    await postgresStore.migrate(clients[0].client, { schema });
    return { clients };
  };
  return {
    async open({ namespace }) {
      started ??= start();
      const { clients } = await started;
      const { client } = clients[opened++ % 2 === 0 ? 0 : 1];
      // The machine of the tests may be busy with others.
      return postgresStore({ client, schema, namespace, deadline: "10s", ...(prepare && { prepare }) });
    },
    async remove() {
      for (const each of (await started)?.clients ?? []) await each.close();
    },
  };
}

function pglitePlace(): Place {
  let started: Promise<PGlite> | undefined;
  return {
    async open({ namespace }) {
      started ??= startPglite();
      return postgresStore({ client: await started, namespace, migrate: true, deadline: "10s" });
    },
    async remove() {
      await (await started)?.close();
    },
  };
}
