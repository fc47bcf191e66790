/** The clients that the Redis store is tested with, connected to a server. */
import { createClient as createClient6 } from "redis";
import { createClient as createClient5 } from "redis-5";
import { Redis as Redis6 } from "ioredis";
import { Redis as Redis5 } from "ioredis-5";
import { fromIoredis, type RedisOptions } from "../../../src/store/redis/index.ts";

/** A client of some library. */
export interface TestClient {
  readonly client: RedisOptions["client"];
  close(): Promise<void> | void;
}

export type OpenClient = (url: string) => Promise<TestClient>;

export const nodeRedis6: OpenClient = async (url) => {
  const client = createClient6({ url });
  client.on("error", () => {});
  await client.connect();
  return { client, close: () => client.destroy() };
};

export const nodeRedis5: OpenClient = async (url) => {
  const client = createClient5({ url });
  client.on("error", () => {});
  await client.connect();
  return { client, close: () => client.destroy() };
};

export const ioredis6: OpenClient = async (url) => {
  const client = new Redis6(url);
  client.on("error", () => {});
  return { client: fromIoredis(client), close: () => client.disconnect() };
};

export const ioredis5: OpenClient = async (url) => {
  const client = new Redis5(url);
  client.on("error", () => {});
  return { client: fromIoredis(client), close: () => client.disconnect() };
};
