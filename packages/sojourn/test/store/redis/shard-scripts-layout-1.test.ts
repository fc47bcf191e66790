/** What the version before has written: nobody is logged out, and nobody is forgotten, when this one connects. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { digits, recordOf } from "../../../src/store/redis/record.ts";
import { redisStore, type RedisOptions } from "../../../src/store/redis/index.ts";
import { markersOf, shardOf } from "../../../src/store/redis/shards.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { freshEntry } from "../support/fresh-entry.ts";
import { ask } from "../support/redis-ask.ts";
import { noRedis } from "../support/redis-binary.ts";
import { nodeRedis6, type TestClient } from "../support/redis-clients.ts";
import { startRedis, type RedisServer } from "../support/redis-server.ts";

const DAY = 86_400_000;

let server: RedisServer;
let client: TestClient;
const opened: Store<"async">[] = [];
beforeAll(async () => {
  if (noRedis) return;
  server = await startRedis();
  client = await nodeRedis6(server.url);
});
beforeEach(async () => void (noRedis || (await ask(server.port, "FLUSHALL"))));
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});
afterAll(async () => {
  await client?.close();
  await server?.stop();
});

async function open(options: Partial<RedisOptions> = {}): Promise<Store<"async">> {
  const store = await redisStore({ client: client.client, ...options });
  opened.push(store);
  return store;
}

/** Writes entries as layout 1 had them: a marker, an index by end, and one of keys and of owners. */
async function writeLayout1(entries: readonly Entry[], shards: number): Promise<void> {
  const till = `${Date.now() + 30 * DAY}`;
  const markers = markersOf("sojourn", shards);
  for (const marker of markers) {
    await ask(server.port, "SET", marker, `1 ${shards} 1795000000.123456 ${till.padStart(17, "0")}`, "PXAT", till);
    await ask(server.port, "ZADD", `${marker}:x`, "+inf", "");
    await ask(server.port, "ZADD", `${marker}:i`, "0", "");
  }
  for (const entry of entries) {
    const { key, owner, rev, expiresAt } = entry;
    const marker = markers[shardOf(key, shards)]!;
    const record = recordOf(entry, { owner: owner ?? "", rev });
    await ask(server.port, "SET", `${marker}:e:${key}`, record, "PXAT", `${expiresAt + 3_600_000}`);
    await ask(server.port, "ZADD", `${marker}:x`, digits(expiresAt), `${key}\0${owner ?? ""}`);
    await ask(server.port, "ZADD", `${marker}:i`, "0", `k${key}`);
    if (owner !== null) await ask(server.port, "ZADD", `${marker}:i`, "0", `o${owner}\0${key}`);
  }
  for (const marker of markers)
    for (const index of [":x", ":i"]) await ask(server.port, "PEXPIREAT", marker + index, till);
}

describe.skipIf(noRedis).each([1, 4])("entries of layout 1 in %d shards", (shards) => {
  const owners = ["ann", "bob", null];
  const make = (count: number): Entry[] =>
    Array.from({ length: count }, (_, index) =>
      freshEntry(`k${index}`, { owner: owners[index % 3]!, createdAt: 1_000_000 + 7 * index, value: `v${index}` }),
    );

  test("are there as they were, and are found in every way", async () => {
    const entries = make(1_300);
    await writeLayout1(entries, shards);
    const [first, second] = await Promise.all([open({ shards }), open({ shards })]);
    const now = Date.now();
    for (const entry of entries.slice(0, 50)) expect(await first.get(entry.key, now)).toMatchObject(entry);
    expect(await second.count(now)).toBe(1_300);
    const listed: string[] = [];
    let after: string | undefined;
    do {
      const page = await second.list({ after, limit: 500 }, now);
      listed.push(...page.items.map(({ key }) => key));
      after = page.next;
    } while (after !== undefined);
    expect(listed).toEqual(entries.map(({ key }) => key));
    expect(await first.revokeOwner("ann")).toHaveLength(434);
    expect((await second.listByOwner("bob", { limit: 1_000 }, now)).items).toHaveLength(433);
    expect(await second.sweep(now + 2 * 60_000, 1_000)).toHaveLength(866);
    expect(await first.count(0)).toBe(0);
    for (const key of (await ask(server.port, "KEYS", "*")) as string[]) {
      expect(await ask(server.port, "PTTL", key), key).toBeGreaterThan(0);
    }
  });

  test("cannot be taken for none by a process of the version before", async () => {
    await writeLayout1(make(3), shards);
    await open({ shards });
    for (const marker of markersOf("sojourn", shards)) {
      // What its `destroyByUser` and its listings ask.
      await expect(ask(server.port, "ZRANGEBYLEX", `${marker}:i`, "[oann\0", "(oann\u0001")).rejects.toThrow(
        "WRONGTYPE",
      );
      // Its puts look whether the marker begins so.
      expect(await ask(server.port, "GET", marker)).toMatch(/^2 /);
    }
  });
});

describe.skipIf(noRedis)("is refused", () => {
  test("another number of shards than layout 1 had", async () => {
    await writeLayout1([freshEntry("k")], 2);
    await expect(open({ shards: 3 })).rejects.toMatchObject({ code: "store_schema", message: /2 shards/ });
    expect(await ask(server.port, "GET", "sojourn{0}")).toMatch(/^1 2 /);
    expect(await (await open({ shards: 2 })).count(Date.now())).toBe(1);
  });

  test("a later layout", async () => {
    await ask(server.port, "SET", "sojourn{0}", `3 1 + 1795000000.123456 ${"9".repeat(17)}`);
    const refused = { code: "store_schema", message: /another version.*`prefix`/ };
    await expect(open()).rejects.toMatchObject(refused);
  });
});
