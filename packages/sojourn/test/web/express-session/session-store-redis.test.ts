/** Two processes of one app on a Redis server: what one of them does, the other one cannot undo. */
import { createClient } from "redis";
import session from "express-session";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import { redisStore } from "../../../src/store/redis/index.ts";
import type { Store } from "../../../src/store/store.ts";
import { SessionStore } from "../../../src/web/express-session.ts";
import { noRedis } from "../../store/support/redis-binary.ts";
import { startRedis, type RedisServer } from "../../store/support/redis-server.ts";
import { load, written } from "../support/express-session.ts";

const caches: readonly { readonly name: string; readonly over: (store: Store<"async">) => Store<"async"> }[] = [
  { name: "Redis", over: (store) => store },
  { name: "near caches over Redis", over: (store) => nearCache(store, { maxStale: "20ms" }) },
];

describe.skipIf(noRedis).each(caches)("over $name", ({ name, over }) => {
  let server: RedisServer;
  const clients: { destroy(): void }[] = [];
  const opened: Store[] = [];
  let [here, there]: SessionStore[] = [];

  async function node(): Promise<SessionStore> {
    const client = createClient({ url: server.url });
    clients.push(client);
    await client.connect();
    const store = over(await redisStore({ client, prefix: name }));
    opened.push(store);
    const made = new SessionStore({ store, owner: (data) => (data as { user?: string }).user });
    session({ secret: "a secret", resave: false, saveUninitialized: false, store: made });
    return made;
  }

  beforeAll(async () => {
    server = await startRedis();
    [here, there] = [await node(), await node()];
  });
  afterAll(async () => {
    for (const store of opened) await store.close();
    for (const client of clients) client.destroy();
    await server.stop();
  });
  const nodes = (): [SessionStore, SessionStore] => [here as SessionStore, there as SessionStore];

  test("a request on one node does not bring back what the other one has destroyed", async () => {
    const [a, b] = nodes();
    await a.set("slow", written({ user: "ann" }, 60_000));
    const [saved, touched] = [await load(a, "slow"), await load(a, "slow")];
    await b.destroy("slow");
    expect(await a.get("slow")).toBeUndefined();
    saved["late"] = true;
    touched.cookie.maxAge = 90_000;
    await a.set("slow", saved);
    await a.touch("slow", touched);
    await a.set("slow", written({ user: "ann" }));
    expect([await a.get("slow"), await b.get("slow")]).toEqual([undefined, undefined]);
  });

  test("changes of both nodes are kept", async () => {
    const [a, b] = nodes();
    await a.set("both", written({ kept: true }));
    const [first, second] = [await load(a, "both"), await load(b, "both")];
    first["a"] = true;
    second["b"] = true;
    await Promise.all([a.set("both", first), b.set("both", second)]);
    // A near cache sees its own node's writes at once, and the other one's once it is told.
    await expect.poll(async () => a.get("both")).toMatchObject({ kept: true, a: true, b: true });
  });

  test("a session is extended, listed and counted, and every session of a user ends", async () => {
    const [a, b] = nodes();
    await a.clear();
    await a.set("1", written({ user: "ann" }, 60_000));
    await a.set("2", written({ user: "ann" }));
    await b.set("3", written({ user: "bob" }));
    const expires = new Date(Date.now() + 120_000);
    await b.touch("1", { cookie: { originalMaxAge: 120_000, expires } });
    expect([await b.length(), (await a.ids()).toSorted()]).toEqual([3, ["1", "2", "3"]]);
    const first = (await a.all()).find(({ id }) => id === "1");
    expect(Math.abs(Number(new Date(String(first?.cookie.expires))) - expires.getTime())).toBeLessThan(1_000);
    expect(await b.destroyByUser("ann")).toBe(2);
    expect(await a.ids()).toEqual(["3"]);
    await a.clear();
    expect(await b.length()).toBe(0);
  });
});
