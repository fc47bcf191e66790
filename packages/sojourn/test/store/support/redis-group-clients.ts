/** The clients of a Cluster and of a Sentinel group. */
import { Cluster as Cluster6, Redis as Redis6 } from "ioredis";
import { createCluster, createSentinel } from "redis";
import { fromIoredis } from "../../../src/store/redis/index.ts";
import type { TestClient } from "./redis-clients.ts";
import type { RedisCluster } from "./redis-cluster.ts";
import { MASTER_NAME, type RedisSentinel } from "./redis-sentinel.ts";

const HOST = "127.0.0.1";
const ignore = (): void => {};

export const clusterClients: Readonly<Record<string, (cluster: RedisCluster) => Promise<TestClient>>> = {
  async "node-redis 6"({ nodes }) {
    const client = createCluster({
      rootNodes: nodes.map(({ url }) => ({ url })),
      // How soon a node that is gone makes the client ask who took its place.
      topologyRefreshOnReconnectionAttemptStrategy: 200,
    });
    client.on("error", ignore);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  async "ioredis 6"({ nodes }) {
    const client = new Cluster6(nodes.map(({ port }) => ({ host: HOST, port })));
    client.on("error", ignore);
    return { client: fromIoredis(client), close: () => client.disconnect() };
  },
};

export const sentinelClients: Readonly<Record<string, (group: RedisSentinel) => Promise<TestClient>>> = {
  async "node-redis 6"({ sentinels }) {
    const client = createSentinel({
      name: MASTER_NAME,
      sentinelRootNodes: sentinels.map(({ port }) => ({ host: HOST, port })),
    });
    client.on("error", ignore);
    await client.connect();
    return { client, close: () => client.destroy() };
  },
  async "ioredis 6"({ sentinels }) {
    const client = new Redis6({ name: MASTER_NAME, sentinels: sentinels.map(({ port }) => ({ host: HOST, port })) });
    client.on("error", ignore);
    return { client: fromIoredis(client), close: () => client.disconnect() };
  },
};
