/** A server that is gone, silent, full, flushed, or holds what no store wrote. */
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redisStore, type NodeRedisClient, type RedisOptions, type RedisPort } from "../../../src/store/redis/index.ts";
import { nodeRedisPort } from "../../../src/store/redis/node-redis.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis5, ioredis6, nodeRedis5, nodeRedis6, type OpenClient } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const libraries: readonly (readonly [string, OpenClient])[] = [
  ["node-redis 6", nodeRedis6],
  ["node-redis 5", nodeRedis5],
  ["ioredis 6", ioredis6],
  ["ioredis 5", ioredis5],
];
const SECRET = "what only this user may know";

let server: RedisServer;
const closing: (() => Promise<void> | void)[] = [];
beforeEach(async () => {
  if (!noRedis) server = await startRedis();
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  if (!noRedis) await server.stop();
});

async function open(openClient: OpenClient, options: Partial<RedisOptions> = {}): Promise<Store<"async">> {
  const { client, close } = await openClient(server.url);
  closing.push(close);
  const store = await redisStore({ client, ...options });
  closing.push(async () => store.close());
  return store;
}

let revs = 0;
function entry(key: string, parts: Partial<Entry> = {}): Entry {
  const now = Date.now();
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: null, rev: `rev-${++revs}`, meta: "", value: SECRET, ...instants, ...parts };
}

/** Every call of a store. */
function calls(store: Store<"async">): Promise<unknown>[] {
  const now = Date.now();
  return [
    store.get("k", now),
    store.put(entry("k", { owner: "ann" }), "any", now),
    store.touch("k", "rev", { touchedAt: now, expiresAt: now }, now),
    store.delete("k"),
    store.list({ limit: 1 }, now),
    store.listByOwner("ann", { limit: 1 }, now),
    store.revokeOwner("ann"),
    store.count(now),
    store.sweep(now, 1),
  ];
}

async function codesOf(replies: Promise<unknown>[]): Promise<unknown[]> {
  return Promise.all(
    replies.map(async (reply) =>
      reply.then(
        () => "answered",
        (error: unknown) => codeOf(error),
      ),
    ),
  );
}

function codeOf(error: unknown): unknown {
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain(SECRET);
  return (error as { code?: unknown }).code ?? error;
}

describe.skipIf(noRedis).each(libraries)("%s", (_, openClient) => {
  test("a server that is gone is a fault of every call, and one that is back answers", async () => {
    const store = await open(openClient, { deadline: 200 });
    await store.put(entry("k"), null, Date.now());
    await server.kill();
    const codes = [...(await codesOf(calls(store))), ...(await codesOf([store.put(entry("late"), null, Date.now())]))];
    for (const code of codes) expect(["store_unavailable", "store_timeout"]).toContain(code);
    await server.restart();
    // Nothing that was given up came later, and the server has the scripts again.
    await expect.poll(async () => store.count(Date.now()).catch(() => "away"), { timeout: 10_000 }).toBe(0);
    expect((await store.put(entry("k"), null, Date.now())).outcome).toBe("stored");
    expect(await store.count(Date.now())).toBe(1);
  });

  test("a server that is silent is a fault at the deadline", async () => {
    const store = await open(openClient, { deadline: 500 });
    server.pause();
    const startedAt = performance.now();
    try {
      expect(new Set(await codesOf(calls(store)))).toEqual(new Set(["store_timeout"]));
    } finally {
      server.resume();
    }
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await store.get("other", Date.now())).toBeUndefined();
  });

  test("a full server refuses to write, and reads on", async () => {
    const store = await open(openClient);
    await store.put(entry("k"), null, Date.now());
    await ask(server.port, "CONFIG", "SET", "maxmemory", "1");
    const put = store.put(entry("k2"), null, Date.now());
    expect(await codesOf([put])).toEqual(["store_full"]);
    expect((await store.get("k", Date.now()))?.value).toBe(SECRET);
  });

  test("what is not a record is corrupt, and never absent", async () => {
    const store = await open(openClient);
    const now = Date.now();
    const name = "sojourn{0}:e:k";
    const record = async (text: string): Promise<unknown> => ask(server.port, "SET", name, text, "EX", "60");
    await store.put(entry("k", { owner: "ann" }), null, now);
    const whole = String(await ask(server.port, "GET", name));
    for (const text of ["", SECRET, whole.slice(0, 40), whole.slice(0, 60), `x${whole.slice(1)}`]) {
      await record(text);
      const reads = [store.get("k", now), store.list({ limit: 9 }, now), store.listByOwner("ann", { limit: 9 }, now)];
      expect(await codesOf(reads), text).toEqual(reads.map(() => "store_corrupt"));
    }
    await record(whole.slice(0, 60));
    expect(await codesOf([store.put(entry("k"), null, now)])).toEqual(["store_corrupt"]);
    expect(await codesOf([store.touch("k", "rev", { touchedAt: now, expiresAt: now }, now)])).toEqual([
      "store_corrupt",
    ]);
    // Whoever logs out is out, even so.
    expect(await codesOf([store.delete("k")])).toEqual(["store_corrupt"]);
    expect(await store.delete("k")).toBeUndefined();
    expect(await store.count(now)).toBe(1);
    await ask(server.port, "RPUSH", name, SECRET);
    expect(await codesOf([store.get("k", now), store.delete("k")])).toEqual(["store_corrupt", "store_corrupt"]);
  });

  test("a client that is closed is a fault", async () => {
    const { client, close } = await openClient(server.url);
    const store = await redisStore({ client, deadline: 500 });
    closing.push(async () => store.close());
    await close();
    const codes = await codesOf(calls(store));
    expect(new Set(codes)).toEqual(new Set(["store_unavailable"]));
  });
});

/** A port that remembers what was sent, so that a test can send it again as a client does. */
function remembering(port: RedisPort): RedisPort & { readonly sent: (readonly string[])[] } {
  const sent: (readonly string[])[] = [];
  return {
    ...port,
    sent,
    send: async (key, command) => {
      sent.push(command);
      return port.send(key, command);
    },
  };
}

/** A store whose client sends again, and what does so in its place. */
async function resending(deadline: number) {
  const { client, close } = await ioredis6(server.url);
  closing.push(close);
  const port = remembering(client as RedisPort);
  expect(port.resends).toBe(true);
  const store = await redisStore({ client: port, deadline });
  closing.push(async () => store.close());
  /** What sends the last script again, as it was. */
  const repeat = (): (() => Promise<unknown>) => {
    const [name = "", ...rest] = port.sent.findLast(([command]) => command === "EVALSHA") ?? [];
    return async () => ask(server.port, name, ...rest);
  };
  return { store, repeat };
}

describe.skipIf(noRedis)("a command that a client sends again", () => {
  test.each([null, "any"])("is an insert over %s: it revives nothing that has gone since", async (expected) => {
    const { store, repeat } = await resending(5_000);
    const now = Date.now();
    const ends: (() => Promise<unknown>)[] = [
      async () => store.delete("k"),
      async () => store.sweep(now + 120_000, 10),
      async () => store.revokeOwner("ann"),
      async () => {
        const [changed] = (await store.listByOwner("ann", { limit: 1 }, now)).items;
        await store.put(entry("k"), changed!.rev, now);
        await store.delete("k");
      },
      async () => {
        await store.put(entry("k"), "any", now);
        await store.delete("k");
      },
    ];
    for (const end of ends) {
      expect((await store.put(entry("k", { owner: "ann" }), expected, now)).outcome).toBe("stored");
      const again = repeat();
      await again();
      expect(await store.count(now)).toBe(1);
      await end();
      expect(await store.count(now)).toBe(0);
      await again();
      expect(await store.count(now)).toBe(0);
    }
  });

  test("is a revocation: it answers as before, and ends nobody who has come since", async () => {
    const { store, repeat } = await resending(5_000);
    const now = Date.now();
    const there = ["k", "\u{10FFFF}\0", 'a"b\\'].map((key) => entry(key, { owner: "ann", meta: "é\ud800" }));
    for (const each of there) await store.put(each, null, now);
    expect(await store.revokeOwner("ann")).toHaveLength(3);
    const again = repeat();
    await store.put(entry("new", { owner: "ann" }), null, now);
    const [number, next, ...heads] = (await again()) as string[];
    expect([Number(number) > 0, next, heads.length]).toEqual([true, "", 6]);
    expect((await store.get("new", now))?.key).toBe("new");
  });

  test("is refused once its caller has given up", async () => {
    const { store, repeat } = await resending(50);
    await store.put(entry("k"), null, Date.now());
    const insert = repeat();
    await store.delete("k");
    const removal = repeat();
    await store.revokeOwner("ann");
    const revocation = repeat();
    await pause(60);
    for (const again of [insert, removal, revocation]) expect(await again()).toEqual([-2, expect.any(String)]);
  });
});

test.skipIf(noRedis)("a server whose clock was misjudged is asked again", async () => {
  const { client, close } = await nodeRedis6(server.url);
  closing.push(close);
  // As if the client sent again; and the clock that is given says that the server is a minute behind.
  const port = { ...nodeRedisPort(client as NodeRedisClient), resends: true };
  let reads = 0;
  const clock = { now: () => Date.now() - (reads++ < 2 ? 0 : 60_000) };
  const store = await redisStore({ client: port, clock, checkClock: false });
  closing.push(async () => store.close());
  expect((await store.put(entry("k"), null, Date.now())).outcome).toBe("stored");
  expect((await store.delete("k"))?.key).toBe("k");
});
