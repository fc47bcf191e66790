/** What is found out before the first call, and what is refused then. */
import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, test } from "vitest";
import { redisStore, type NodeRedisClient, type RedisOptions, type RedisPort } from "../../../src/store/redis/index.ts";
import { nodeRedisPort } from "../../../src/store/redis/node-redis.ts";
import type { Entry, Guarantees, Store } from "../../../src/store/store.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis6, nodeRedis6 } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(...args: string[]): Promise<RedisServer> {
  const server = await startRedis({ args });
  closing.push(async () => server.stop());
  return server;
}

async function open(server: RedisServer, options: Partial<RedisOptions> = {}): Promise<Store<"async">> {
  const { client, close } = await nodeRedis6(server.url);
  closing.push(close);
  const store = await redisStore({ client, ...options });
  closing.push(async () => store.close());
  return store;
}

function entry(key: string): Entry {
  const now = Date.now();
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev of ${key}`, meta: "", value: "v", ...instants };
}

const durabilities: readonly (readonly [Guarantees["durability"], readonly string[]])[] = [
  ["none", []],
  ["none", ["--appendonly", "yes", "--appendfsync", "everysec"]],
  ["process", ["--appendonly", "yes", "--appendfsync", "no"]],
  ["power", ["--appendonly", "yes", "--appendfsync", "always"]],
  ["none", ["--save", "60 1"]],
];

describe.skipIf(noRedis)("the guarantees", () => {
  test.each(durabilities)("durability is %s with %j", async (durability, args) => {
    const store = await open(await start(...args));
    const kept = { evicts: false, failoverLoss: false, exactOrder: false, removalsMs: 0 };
    const others = { atomic: true, staleMs: 500, ...kept };
    expect(store.guarantees).toEqual({ durability, ...others });
  });

  test("durability can be stated where the server does not say it", async () => {
    const server = await start(
      "--appendonly",
      "yes",
      "--appendfsync",
      "always",
      "--rename-command",
      "CONFIG",
      "hidden",
    );
    expect((await open(server)).guarantees.durability).toBe("none");
    expect((await open(server, { durability: "power" })).guarantees.durability).toBe("power");
  });

  test("calls on several shards are not one step", async () => {
    expect((await open(await start(), { shards: 2 })).guarantees.atomic).toBe(false);
  });

  test.each([
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
  ])("a server that evicts by %s is refused, unless that is allowed", async (policy) => {
    const server = await start("--maxmemory", "100mb", "--maxmemory-policy", policy);
    const refused = { code: "guarantee_unmet", message: /noeviction.*allowEviction/ };
    await expect(open(server)).rejects.toMatchObject(refused);
    await expect(open(server, { allowEviction: false })).rejects.toMatchObject(refused);
    expect((await open(server, { allowEviction: true })).guarantees.evicts).toBe(true);
    await ask(server.port, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    expect((await open(server)).guarantees.evicts).toBe(false);
  });

  test("with a replica, a failover can lose what was acknowledged, and a change can wait for it", async () => {
    const server = await start("--repl-diskless-sync-delay", "0");
    const alone = await open(server, { wait: { replicas: 1, timeout: 50 } });
    await expect(alone.put(entry("k"), null, Date.now())).rejects.toMatchObject({ code: "store_timeout" });
    expect((await alone.get("k", Date.now()))?.key).toBe("k");
    await start("--replicaof", "127.0.0.1", String(server.port));
    const online = async (): Promise<boolean> =>
      /state=online/.test(String(await ask(server.port, "INFO", "replication")));
    await expect.poll(online, { timeout: 10_000 }).toBe(true);
    const store = await open(server, { wait: { replicas: 1, timeout: "1s" } });
    expect(store.guarantees.failoverLoss).toBe(true);
    expect((await store.put(entry("l"), null, Date.now())).outcome).toBe("stored");
    expect((await store.delete("l"))?.key).toBe("l");
  });

  test("replicas are counted on the connection that made the change", async () => {
    const server = await start("--repl-diskless-sync-delay", "0");
    const replica = await start("--replicaof", "127.0.0.1", String(server.port));
    const online = async (): Promise<boolean> =>
      /state=online/.test(String(await ask(server.port, "INFO", "replication")));
    await expect.poll(online, { timeout: 10_000 }).toBe(true);
    const clients = [await nodeRedis6(server.url), await nodeRedis6(server.url)] as const;
    for (const { close } of clients) closing.push(close);
    const [port, other] = clients.map(({ client }) => nodeRedisPort(client as NodeRedisClient)) as [
      RedisPort,
      RedisPort,
    ];
    // As a client does whose connection breaks when the change was answered.
    let isBreaking = false;
    let isBroken = false;
    const breaking: RedisPort = {
      ...port,
      sendBeside: async (key, command) => {
        if (isBreaking && command[0] === "WAIT") isBroken = true;
        return (isBroken ? other : port).sendBeside(key, command);
      },
    };
    const store = await redisStore({ client: breaking, deadline: "5s", wait: { replicas: 1, timeout: "1s" } });
    closing.push(async () => store.close());
    expect((await store.put(entry("k"), null, Date.now())).outcome).toBe("stored");
    replica.pause();
    isBreaking = true;
    await expect(store.put(entry("l"), null, Date.now())).rejects.toMatchObject({ code: "store_timeout" });
    replica.resume();
  });
});

test.skipIf(noRedis)("the permissions that the guide names are enough for every call", async () => {
  const guide = await readFile(new URL("../../../../../docs/stores/redis.md", import.meta.url), "utf8");
  const line = /^ACL SETUSER .*$/m.exec(guide)?.[0] ?? "";
  const server = await start();
  await ask(server.port, ...line.split(" "));
  const now = Date.now();
  for (const openClient of [nodeRedis6, ioredis6]) {
    const { client, close } = await openClient(server.url.replace("//", "//app:password@"));
    closing.push(close);
    const store = await redisStore({ client, wait: { replicas: 1, timeout: 1 } }).catch(() => undefined);
    expect(store, "with a replica to wait for").toBeDefined();
    await store?.close();
    const other = await redisStore({ client });
    closing.push(async () => other.close());
    const link = other.watch!(() => {});
    await link.confirm();
    const made = { ...entry("k"), owner: "ann" };
    await other.put(made, "any", now);
    await other.put({ ...made, rev: "next" }, made.rev, now);
    await other.touch("k", "next", { touchedAt: now, expiresAt: now + 120_000 }, now);
    await ask(server.port, "DEL", "sojourn{0}:o");
    expect((await other.listByOwner("ann", { limit: 9 }, now)).items).toHaveLength(1);
    expect((await other.list({ limit: 9 }, now)).items).toHaveLength(1);
    expect((await other.list({ prefix: "k", limit: 9 }, now)).next).toBeDefined();
    expect(await other.get("k", now, { fresh: true })).toBeDefined();
    expect(await other.revokeOwner("ann")).toHaveLength(1);
    expect(await other.sweep(now, 9)).toEqual([]);
    expect(await other.delete("k")).toBeUndefined();
    expect(await other.count(now)).toBe(0);
    expect(other.guarantees.durability).toBe("none");
  }
});

describe.skipIf(noRedis)("is refused", () => {
  test("another number of shards, at connect and by the store that is open", async () => {
    const server = await start();
    const store = await open(server, { shards: 2 });
    await expect(open(server, { shards: 3 })).rejects.toMatchObject({ code: "store_schema", message: /2 shards/ });
    await expect(open(server, { shards: 1 })).rejects.toMatchObject({ code: "store_schema" });
    expect(await (await open(server, { shards: 3, prefix: "other" })).count(Date.now())).toBe(0);
    await ask(server.port, "FLUSHALL");
    await open(server, { shards: 3 });
    await expect(store.put(entry("k"), null, Date.now())).rejects.toMatchObject({ code: "store_schema" });
  });

  test("of two processes that come at once with different numbers, one", async () => {
    const server = await start();
    for (let round = 0; round < 10; round++) {
      const both = [3, 5].map(async (shards) => open(server, { shards, prefix: `p${round}` }));
      const outcomes = (await Promise.allSettled(both)).map(({ status }) => status);
      expect(outcomes.filter((status) => status === "fulfilled")).toHaveLength(1);
    }
  });

  test.each([-1_500, 1_500])("a clock that is %d ms off", async (skew) => {
    const server = await start();
    const clock = { now: () => Date.now() + skew };
    await expect(open(server, { clock })).rejects.toMatchObject({ code: "store_unavailable", message: /clocks/ });
    await open(server, { clock, checkClock: false });
    await open(server, { clock: { now: () => Date.now() + skew / 3 } });
  });

  test("a server that is a replica", async () => {
    const server = await start();
    await ask(server.port, "REPLICAOF", "127.0.0.1", "1");
    await expect(open(server)).rejects.toMatchObject({ code: "store_unavailable", message: /replica/ });
  });

  test("a server that runs no scripts, with what is missing", async () => {
    const server = await start("--rename-command", "EVAL", "hidden");
    for (const openClient of [nodeRedis6, ioredis6]) {
      const { client, close } = await openClient(server.url);
      closing.push(close);
      const opened = redisStore({ client });
      await expect(opened).rejects.toMatchObject({ code: "guarantee_unmet", message: /runs scripts \(`EVAL`\)/ });
    }
  });

  test("a server before 6.2", async () => {
    const server = await start();
    const { client, close } = await nodeRedis6(server.url);
    closing.push(close);
    const port = nodeRedisPort(client as NodeRedisClient);
    const reported = (version: string): RedisPort => ({
      ...port,
      send: async (key, command) => {
        const reply = await port.send(key, command);
        return typeof reply === "string" ? reply.replace(/redis_version:\S+/, `redis_version:${version}`) : reply;
      },
    });
    for (const version of ["5.0.14", "6.0.16"]) {
      await expect(redisStore({ client: reported(version) })).rejects.toMatchObject({ code: "guarantee_unmet" });
    }
    for (const version of ["6.2.0", "7.2.4", "10.0.0"]) await (await redisStore({ client: reported(version) })).close();
  });

  test("a server that is away, within the deadline", async () => {
    const server = await start();
    const { client, close } = await nodeRedis6(server.url);
    closing.push(close);
    server.pause();
    await expect(redisStore({ client, deadline: 50 })).rejects.toMatchObject({ code: "store_timeout" });
    server.resume();
  });

  test("an option that is not what it should be", async () => {
    const { client, close } = await nodeRedis6((await start()).url);
    closing.push(close);
    const wrong: Record<string, unknown>[] = [
      { client: undefined },
      { client: {} },
      { allowEvicton: true },
      { prefix: "" },
      { prefix: "é".repeat(257) },
      { shards: 0 },
      { shards: 1.5 },
      { shards: 1_025 },
      { deadline: 0 },
      { deadline: "2m" },
      { wait: { replicas: 0, timeout: 10 } },
      { wait: { replicas: 1, timeout: "2s" } },
    ];
    for (const options of wrong) {
      await expect(redisStore({ client, ...options }), JSON.stringify(options)).rejects.toThrow(TypeError);
    }
  });
});

test.skipIf(noRedis)("closing the store leaves the client open", async () => {
  const server = await start();
  for (const openClient of [nodeRedis6, ioredis6]) {
    const { client, close } = await openClient(server.url);
    closing.push(close);
    const first = await redisStore({ client });
    const second = await redisStore({ client });
    await first.close();
    await first.close();
    expect(await second.count(Date.now())).toBe(0);
  }
});
