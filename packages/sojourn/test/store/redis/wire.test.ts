/** What goes over the wire: one command for each thing that a session does. */
import { createClient } from "redis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createSessions, nearCache } from "../../../src/index.ts";
import { redisStore } from "../../../src/store/redis/index.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import {
  ioredis5,
  ioredis6,
  nodeRedis5,
  nodeRedis6,
  type OpenClient,
  type TestClient,
} from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const libraries: readonly (readonly [string, OpenClient])[] = [
  ["node-redis 6", nodeRedis6],
  ["node-redis 5", nodeRedis5],
  ["ioredis 6", ioredis6],
  ["ioredis 5", ioredis5],
];

describe.skipIf(noRedis).each(libraries)("over %s", (_, openClient) => {
  let server: RedisServer;
  let connected: TestClient;
  const seen: string[] = [];
  let watching: ReturnType<typeof createClient> | undefined;
  beforeAll(async () => {
    server = await startRedis();
    connected = await openClient(server.url);
    watching = createClient({ url: server.url });
    await watching.connect();
    // What a script does is marked as its own.
    await watching.monitor((line) => {
      const [, source, command] = /\[\d+ (\S+)\] "(\w+)"/.exec(line) ?? [];
      if (source !== "lua") seen.push(String(command).toLowerCase());
    });
  });
  afterAll(async () => {
    watching?.destroy();
    await connected.close();
    await server.stop();
  });

  /** The commands that the work sends; a last one that is known shows that all have been seen. */
  async function commandsOf(work: () => Promise<unknown>): Promise<string[]> {
    await settled();
    await work();
    await settled();
    return last;
  }

  let last: string[] = [];

  /** Waits until a command that is known has been seen, and so everything before it. */
  async function settled(): Promise<void> {
    await ask(server.port, "ECHO", "all seen");
    // A near cache can have sent something of its own since.
    await expect.poll(() => seen).toContain("echo");
    // Now and then a write that changes nothing goes along, whatever is done: see master-guard.test.ts.
    last = seen.splice(0, seen.lastIndexOf("echo") + 1).filter((command) => command !== "echo" && command !== "getex");
  }

  test("create, authenticate and destroy are one command each, and rotate reads before it writes", async () => {
    const store = await redisStore({ client: connected.client });
    const sessions = createSessions({ store });
    // The first script of each kind is sent in full, once for the server.
    const warm = await sessions.create("ann", {});
    await sessions.rotate(warm.token);
    await sessions.destroy(warm.id);
    await sessions.destroyByUser("bob");

    let made = warm;
    expect(await commandsOf(async () => (made = await sessions.create("ann", { cart: 1 })))).toEqual(["evalsha"]);
    expect(await commandsOf(async () => sessions.authenticate(made.token))).toEqual(["get"]);
    const hundred = await commandsOf(async () => {
      for (let index = 0; index < 100; index++) await sessions.authenticate(made.token);
    });
    expect(hundred).toEqual(Array.from({ length: 100 }, () => "get"));
    expect(await commandsOf(async () => sessions.rotate(made.token))).toEqual(["get", "evalsha"]);
    expect(await commandsOf(async () => sessions.destroy(made.id))).toEqual(["evalsha"]);
    expect(await commandsOf(async () => sessions.destroyByUser("ann"))).toEqual(["evalsha"]);
    await store.close();
  });

  test("with a near cache, authenticate is none, and rotate, update and destroy are one each", async () => {
    const near = nearCache(await redisStore({ client: connected.client }), { maxStale: "1m", strict: false });
    const sessions = createSessions({ store: near });
    const made = await sessions.create("ann", { cart: 1 });
    const authenticated = (token: string) => async () =>
      commandsOf(async () => expect((await sessions.authenticate(token))?.id).toBe(made.id));
    // From when the link is proven; word of what this process has written itself may still come.
    await expect.poll(authenticated(made.token)).toEqual([]);
    expect(await commandsOf(async () => sessions.update(made.id, { cart: 2 }))).toEqual(["evalsha"]);
    await expect.poll(authenticated(made.token)).toEqual([]);
    let token = made.token;
    expect(await commandsOf(async () => (token = (await sessions.rotate(made.token))?.token ?? ""))).toEqual([
      "evalsha",
    ]);
    await expect.poll(authenticated(token)).toEqual([]);
    expect(await commandsOf(async () => sessions.destroy(made.id))).toEqual(["evalsha"]);
    await near.close();
  });
});
