/** A master that was made a replica, and keeps its clients: it answers nothing any more, soon after. */
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { redisStore } from "../../../src/store/redis/index.ts";
import { PROVEN_FOR } from "../../../src/store/redis/master-guard.ts";
import type { Store } from "../../../src/store/store.ts";
import { freshEntry } from "../support/fresh-entry.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis5, ioredis6, nodeRedis5, nodeRedis6, type OpenClient } from "../support/redis-clients.ts";
import { startProxy } from "../support/redis-proxy.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";
import { until } from "../support/redis-until.ts";

const libraries: readonly (readonly [string, OpenClient])[] = [
  ["node-redis 6", nodeRedis6],
  ["node-redis 5", nodeRedis5],
  ["ioredis 6", ioredis6],
  ["ioredis 5", ioredis5],
];
/** What a busy machine may add, in milliseconds. */
const SLACK = 400;

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function start(): Promise<RedisServer> {
  const server = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  closing.push(async () => server.stop());
  return server;
}

async function open(url: string, openClient: OpenClient = nodeRedis6): Promise<Store<"async">> {
  const { client, close } = await openClient(url);
  closing.push(close);
  const store = await redisStore({ client });
  closing.push(async () => store.close());
  return store;
}

/** A master and its replica, which has all that it has. */
async function pair() {
  const [master, replica] = [await start(), await start()];
  await follow(replica, master);
  return { master, replica };
}

async function follow(replica: RedisServer, master: RedisServer): Promise<void> {
  await ask(replica.port, "REPLICAOF", "127.0.0.1", `${master.port}`);
  await until("the replica to be in step", async () =>
    /master_link_status:up/.test(String(await ask(replica.port, "INFO", "replication"))),
  );
}

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code ?? error;

/** How many commands of a name the server has answered. */
async function callsOf(server: RedisServer, command: string): Promise<number> {
  const stats = String(await ask(server.port, "INFO", "commandstats"));
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

describe.skipIf(noRedis).each(libraries)("a demoted master, over %s", (_, openClient) => {
  test("lets nobody in who has logged out on the new one, from a bounded time on", async () => {
    const { master, replica } = await pair();
    const old = await open(master.url, openClient);
    for (const key of ["stays", "goes"]) await old.put(freshEntry(key, { owner: "ann" }), null, Date.now());
    await until("the replica to have both", async () => (await callsOf(replica, "zadd")) >= 6);
    await ask(replica.port, "REPLICAOF", "NO", "ONE");
    await follow(master, replica);
    const current = await open(replica.url, openClient);
    expect((await current.delete("goes"))?.key).toBe("goes");
    const loggedOutAt = performance.now();
    // Cut off from the new one, so that it does not hear of the logout.
    await ask(master.port, "REPLICAOF", "127.0.0.1", "1");
    let lastSeen = loggedOutAt;
    while (performance.now() < loggedOutAt + PROVEN_FOR + SLACK) {
      const askedAt = performance.now();
      const seen = await old.get("goes", Date.now()).then((entry) => entry !== undefined, codeOf);
      if (seen === true) lastSeen = askedAt;
      else expect([false, "store_unavailable"]).toContain(seen);
    }
    expect(lastSeen - loggedOutAt).toBeLessThan(PROVEN_FOR + SLACK / 2);
    // No call says anything of what is there.
    const now = Date.now();
    const entry = freshEntry("stays");
    const answers = await Promise.all(
      [
        old.get("stays", now),
        old.get("stays", now, { fresh: true }),
        old.put(entry, null, now),
        old.put(entry, entry.rev, now),
        old.touch("stays", "other", { touchedAt: now, expiresAt: now }, now),
        old.delete("none"),
        old.list({ limit: 9 }, now),
        old.listByOwner("ann", { limit: 9 }, now),
        old.revokeOwner("bob"),
        old.count(now),
        old.sweep(now, 9),
      ].map(async (call) => call.then((answer) => ({ answer }), codeOf)),
    );
    expect(new Set(answers)).toEqual(new Set(["store_unavailable"]));
    await ask(master.port, "REPLICAOF", "NO", "ONE");
    await expect
      .poll(async () => (await old.get("stays", Date.now()).catch(codeOf)) !== "store_unavailable")
      .toBe(true);
  });
});

describe.skipIf(noRedis)("the proof that a server is the master", () => {
  test("costs a command now and then, however many calls there are", async () => {
    const server = await start();
    const store = await open(server.url);
    const before = await callsOf(server, "getex");
    const startedAt = performance.now();
    let reads = 0;
    while (performance.now() < startedAt + 1_200) {
      await Promise.all(Array.from({ length: 50 }, async () => store.get("k", Date.now())));
      reads += 50;
    }
    const proofs = (await callsOf(server, "getex")) - before;
    expect(reads).toBeGreaterThan(500);
    expect(proofs).toBeGreaterThan(0);
    expect(proofs).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / (PROVEN_FOR / 2)) + 1);
  });

  test("counts over a slow line, if it was sent after the question", async () => {
    const server = await start();
    const proxy = await startProxy(server.port);
    closing.push(async () => proxy.stop());
    const store = await open(`redis://127.0.0.1:${proxy.port}`);
    await store.put(freshEntry("k"), null, Date.now());
    // No answer comes within the time for which a proof counts.
    proxy.delay(PROVEN_FOR + 100, "to client");
    await pause(PROVEN_FOR);
    expect((await store.get("k", Date.now()))?.key).toBe("k");
  });

  test("stands where a master refuses writes for another reason: it can still be read", async () => {
    const server = await start();
    const store = await open(server.url);
    await store.put(freshEntry("k"), null, Date.now());
    await ask(server.port, "CONFIG", "SET", "min-replicas-to-write", "1");
    await expect(store.put(freshEntry("l"), null, Date.now())).rejects.toMatchObject({ code: "store_unavailable" });
    for (let round = 0; round < 4; round++) {
      expect((await store.get("k", Date.now(), { fresh: true }))?.key).toBe("k");
    }
  });

  test("is asked for by every read that must be fresh", async () => {
    const server = await start();
    const store = await open(server.url);
    const before = await callsOf(server, "getex");
    for (let round = 0; round < 10; round++) await store.get("k", Date.now(), { fresh: true });
    expect((await callsOf(server, "getex")) - before).toBeGreaterThanOrEqual(10);
  });
});
