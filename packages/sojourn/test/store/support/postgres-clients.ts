/** The clients that the Postgres store is tested with. */
import pg from "pg";
import postgres from "postgres";
import type { PostgresOptions } from "../../../src/store/postgres/index.ts";

/** A client of some library. */
export interface TestPostgresClient {
  readonly client: PostgresOptions["client"];
  close(): Promise<void>;
}

export type OpenPostgresClient = (url: string) => Promise<TestPostgresClient>;

export const pgPool: OpenPostgresClient = async (url) => {
  const client = new pg.Pool({ connectionString: url, max: 10 });
  return { client, close: async () => client.end() };
};

export const pgClient: OpenPostgresClient = async (url) => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return { client, close: async () => client.end() };
};

export const postgresJs: OpenPostgresClient = async (url) => {
  const client = postgres(url, { max: 10, fetch_types: false, onnotice: () => {}, backoff: () => 0.05 });
  return { client, close: async () => client.end({ timeout: 1 }) };
};
