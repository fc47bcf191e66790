import { createClient, createCluster } from "redis";
import { describe, expect, test } from "vitest";
import { redisStore } from "../../../src/store/redis/index.ts";
import { noRedis } from "../support/redis-binary.ts";
import { startRedis } from "../support/redis-server.ts";

describe("a client that was never connected", () => {
  // It would keep every command for later, and with nothing left to do the process would end without a word.
  test.each([
    ["alone", () => createClient({ url: "redis://127.0.0.1:1" })],
    ["of a cluster", () => createCluster({ rootNodes: [{ url: "redis://127.0.0.1:1" }] })],
  ])("is refused, %s, with what to call", async (_, create) => {
    const opened = redisStore({ client: create() });
    await expect(opened).rejects.toThrow(/^Expected `client` to be connected: call `await client\.connect\(\)` first/);
    await expect(opened).rejects.toThrow(TypeError);
  });

  test.skipIf(noRedis)("is waited for once it connects", async () => {
    const server = await startRedis();
    const client = createClient({ url: server.url });
    try {
      const connected = client.connect();
      const store = await redisStore({ client });
      expect(await store.count(Date.now())).toBe(0);
      await store.close();
      await connected;
    } finally {
      client.destroy();
      await server.stop();
    }
  });
});

test.skipIf(noRedis)(
  "a client without a listener for errors does not end the process when its server goes away",
  async () => {
    const server = await startRedis();
    const client = createClient({ url: server.url, socket: { reconnectStrategy: false } });
    await client.connect();
    const store = await redisStore({ client });
    const other = await redisStore({ client, prefix: "other" });
    expect(client.listenerCount("error")).toBe(1);
    await server.stop();
    await expect(store.get("any", Date.now())).rejects.toMatchObject({ code: "store_unavailable" });
    await store.close();
    await other.close();
  },
);
