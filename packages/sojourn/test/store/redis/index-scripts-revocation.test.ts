/** The end of all of a user's sessions: numbered, in slices, and never stuck, whatever the server's clock was. */
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { redisStore, type RedisOptions } from "../../../src/store/redis/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { LONGER } from "../../linearizability/races.ts";
import { freshEntry } from "../support/fresh-entry.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { ioredis6, nodeRedis6, type OpenClient } from "../support/redis-clients.ts";
import { startProxy, type RedisProxy } from "../support/redis-proxy.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const DAY = 86_400_000;

let server: RedisServer;
const closing: (() => Promise<void> | void)[] = [];
beforeEach(async () => {
  if (!noRedis) server = await startRedis();
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await server?.stop();
});

async function open(options: Partial<RedisOptions> = {}, library: OpenClient = nodeRedis6, port = server.port) {
  const { client, close } = await library(`redis://127.0.0.1:${port}`);
  closing.push(close);
  const store = await redisStore({ client, ...options });
  closing.push(async () => store.close());
  return store;
}

/** A store behind a line that can be held and cut. */
async function openBehind(options: Partial<RedisOptions> = {}): Promise<{ store: Store<"async">; line: RedisProxy }> {
  const line = await startProxy(server.port);
  closing.push(async () => line.stop());
  return { store: await open(options, nodeRedis6, line.port), line };
}

async function scripts(): Promise<number> {
  const stats = String(await ask(server.port, "INFO", "commandstats"));
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0);
}

/** How many scripts were run while something was done. */
async function scriptsOf(work: () => Promise<unknown>): Promise<number> {
  const before = await scripts();
  await work();
  return (await scripts()) - before;
}

let logins = 0;
const login = async (store: Store<"async">, begun = store.begin()): Promise<string> =>
  (await store.put(freshEntry(`login${++logins}`, { owner: "ann" }), null, Date.now(), begun)).outcome;

describe.skipIf(noRedis)("a login", () => {
  test("is one message, and one more on the first that a node makes after a revocation elsewhere", async () => {
    const [one, two] = [await open(), await open()];
    for (const store of [one, two]) await login(store);
    expect(await scriptsOf(async () => login(two))).toBe(1);
    await one.revokeOwner("bob");
    expect(await scriptsOf(async () => login(two))).toBe(1);
    await one.revokeOwner("ann");
    // This node has numbered it, and knows.
    expect(await scriptsOf(async () => expect(await login(one)).toBe("stored"))).toBe(1);
    expect(await scriptsOf(async () => expect(await login(two)).toBe("stored"))).toBe(2);
    expect(await scriptsOf(async () => expect(await login(two)).toBe("stored"))).toBe(1);
  });

  test("that was held up over a revocation is refused, and so is its repeat", async () => {
    const { store: slow, line } = await openBehind();
    const one = await open();
    const entry = freshEntry("held", { owner: "ann" });
    const begun = slow.begin();
    line.hold("to server");
    const put = slow.put(entry, null, Date.now(), begun);
    await one.revokeOwner("ann");
    line.mend();
    expect((await put).outcome).toBe("revoked");
    expect((await slow.put(entry, null, Date.now(), begun)).outcome).toBe("revoked");
    expect(await slow.get("held", Date.now())).toBeUndefined();
    expect((await slow.put(entry, null, Date.now())).outcome).toBe("stored");
  });

  test("that begins after a revocation is let in at the second answer, if the first was slow", async () => {
    const { store: slow, line } = await openBehind({ deadline: "5s" });
    const one = await open();
    await one.revokeOwner("ann");
    line.hold("to client");
    const put = login(slow);
    // The server has refused it by now: how long ago it was says nothing any more when that arrives.
    await expect.poll(async () => String(await ask(server.port, "INFO", "commandstats"))).toMatch(/cmdstat_evalsha/);
    await pause(200);
    line.mend();
    expect(await put).toBe("stored");
  });

  test.each([
    ["was set back by a day", -DAY * 1_000, undefined],
    ["was set forward by a day", DAY * 1_000, undefined],
    ["is another run's", 0, "f".repeat(40)],
  ])("is refused once at most where the server's clock %s", async (_, moved, run) => {
    const [one, two] = [await open(), await open()];
    const before = two.begin();
    await one.revokeOwner("ann");
    const name = "sojourn{0}:r:ann";
    const [number, at, by] = String(await ask(server.port, "GET", name)).split(" ");
    // As a clock shows it that was moved the other way since.
    await ask(server.port, "SET", name, `${number} ${Number(at) - moved} ${run ?? by}`, "EX", "60");
    const first = await login(two);
    expect(["stored", "revoked"]).toContain(first);
    expect(await login(two)).toBe("stored");
    // What makes it seem longer ago than it was is the one thing that lets an older login in.
    if (moved <= 0) expect(await login(two, before)).toBe("revoked");
  });
});

/** Where the run of the server is another one, nobody can be told how long ago a revocation ran. */
describe.skipIf(noRedis).each([1, 4])("after a restart of the server, %d shards, a login", (shards) => {
  beforeEach(async () => {
    await server.stop();
    server = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  });

  /** One on each shard, and more. */
  async function logins(store: Store<"async">): Promise<string[]> {
    const outcomes: string[] = [];
    for (let count = 0; count < 8 * shards; count++) outcomes.push(await login(store));
    return outcomes.filter((outcome) => outcome !== "stored");
  }

  test("on a worker that was started after it is let in", async () => {
    await (await open({ shards })).revokeOwner("ann");
    await server.restart();
    expect(await logins(await open({ shards }))).toEqual([]);
  });

  test("on a worker that has had an answer since is let in", async () => {
    const [one, two] = [await open({ shards }), await open({ shards })];
    await one.revokeOwner("ann");
    await server.restart();
    const numbersAsked = async (): Promise<number> => {
      await two.count(Date.now()).catch(() => undefined);
      const stats = String(await ask(server.port, "INFO", "commandstats"));
      return Number(/cmdstat_getex:calls=(\d+)/.exec(stats)?.[1] ?? 0);
    };
    await expect.poll(numbersAsked, { timeout: 5_000 }).toBeGreaterThanOrEqual(shards);
    // Its answer comes after theirs.
    await two.count(Date.now());
    expect(await logins(two)).toEqual([]);
  });

  test("that is the first thing a worker asks is refused once, and is let in when it is tried again", async () => {
    const [one, two] = [await open({ shards, deadline: "5s" }), await open({ shards, deadline: "5s" })];
    await one.revokeOwner("ann");
    await server.restart();
    expect(await logins(two)).toEqual(["revoked"]);
  });

  test("that began before the revocation stays refused", async () => {
    const [one, two] = [await open({ shards, deadline: "5s" }), await open({ shards, deadline: "5s" })];
    const before = two.begin();
    await one.revokeOwner("ann");
    await server.restart();
    for (let count = 0; count < 8 * shards; count++) expect(await login(two, before)).toBe("revoked");
    expect(await login(two)).toBe("stored");
    expect(await login(two, before)).toBe("revoked");
  });
});

test.skipIf(noRedis)(
  "what was refused since another run of the server numbered it, is refused on no second worker",
  async () => {
    const [one, two, three] = [await open(), await open(), await open()];
    const before = two.begin();
    await one.revokeOwner("ann");
    const name = "sojourn{0}:r:ann";
    const [number, at, run] = String(await ask(server.port, "GET", name)).split(" ");
    await ask(server.port, "SET", name, `${number} ${at} ${"f".repeat(40)}`, "EX", "60");
    expect(await login(two)).toBe("revoked");
    const [same, noted, by] = String(await ask(server.port, "GET", name)).split(" ");
    expect([same, by]).toEqual([number, run]);
    expect(Number(noted)).toBeGreaterThan(Number(at));
    expect(await ask(server.port, "TTL", name)).toBeLessThanOrEqual(60);
    expect(await login(two, before)).toBe("revoked");
    // As it is ten seconds later.
    await ask(server.port, "SET", name, `${number} ${Number(noted) - 10_000_000} ${by}`, "EX", "60");
    expect(await login(three)).toBe("stored");
  },
);

async function fill(store: Store<"async">, count: number): Promise<void> {
  for (let from = 0; from < count; from += 500) {
    await Promise.all(
      Array.from({ length: Math.min(500, count - from) }, async (__, index) =>
        store.put(freshEntry(`k${from + index}`, { owner: "ann" }), null, Date.now()),
      ),
    );
  }
}

describe.skipIf(noRedis).each<readonly [string, OpenClient]>([
  ["node-redis 6", nodeRedis6],
  ["ioredis 6", ioredis6],
])("a user with very many sessions, over %s", (_, library) => {
  const SESSIONS = LONGER > 1 ? 100_000 : 12_000;

  test("is ended in steps that each leave room for others, and a login from before is refused", async () => {
    const store = await open({ deadline: "10s" });
    await fill(store, SESSIONS);
    const [one, two] = [await open({ deadline: 300 }, library), await open()];
    await one.put(freshEntry("spared", { owner: "ann" }), null, Date.now());
    const before = two.begin();
    const progress = { isOver: false };
    const revoked = one.revokeOwner("ann", "spared").finally(() => (progress.isOver = true));
    let slowest = 0;
    let refusals = 0;
    while (!progress.isOver) {
      const startedAt = performance.now();
      // A put that is refused has looked at the number.
      if ((await login(two, before)) === "revoked") refusals++;
      slowest = Math.max(slowest, performance.now() - startedAt);
    }
    expect((await revoked).length).toBeGreaterThanOrEqual(SESSIONS);
    expect(refusals).toBeGreaterThan(0);
    expect(slowest).toBeLessThan(1_000);
    expect(await login(two, before)).toBe("revoked");
    expect((await two.listByOwner("ann", { limit: 9 }, Date.now())).items.map(({ key }) => key)).toEqual(["spared"]);
  }, 120_000);

  test("can be ended again when the line broke in the middle", async () => {
    const filling = await open({ deadline: "10s" });
    await fill(filling, 5_500);
    const { store, line } = await openBehind({ deadline: 300 });
    const before = filling.begin();
    // So slow that the first slices come through, and the last ones do not.
    line.delay(60, "to client");
    const revoked = store.revokeOwner("ann").then(
      () => "revoked",
      (error: { code?: unknown }) => error.code,
    );
    await expect.poll(async () => filling.count(Date.now())).toBeLessThan(5_000);
    line.hold("to server");
    expect(await revoked).toBe("store_timeout");
    line.mend();
    expect(await login(filling, before)).toBe("revoked");
    const left = await filling.count(Date.now());
    expect(left).toBeGreaterThan(0);
    expect(await store.revokeOwner("ann")).toHaveLength(left);
    expect(await filling.count(Date.now())).toBe(0);
  });
});
