/** better-auth's `secondaryStorage` on every store, and better-auth itself over it. */
import { betterAuth, type BetterAuthOptions } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { betterAuthStorage, type BetterAuthStorage, type BetterAuthStorageOptions } from "../../src/kv/index.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { Store } from "../../src/store/store.ts";
import { asyncStore, faultyStore, manualClock } from "../../src/testing/index.ts";
import { noRedis } from "../store/support/redis-binary.ts";
import { redisStores, sqliteStores, stores, type StoreUnderTest } from "../store/support/stores.ts";

const START = Date.UTC(2_030, 0);
const session = (token: string, more: object = {}): string => JSON.stringify({ session: { token, ...more }, user: {} });

describe.each([...stores, ...sqliteStores.slice(0, 1)])("on $name", (store) => {
  suite(store);
});
describe.skipIf(noRedis).each(redisStores.slice(0, 1))("on Redis, $name", (store) => {
  suite(store);
});

function suite({ place }: StoreUnderTest): void {
  const { open, remove } = place();
  const clock = manualClock(START);
  let store: Store;
  let storage: BetterAuthStorage;
  beforeAll(async () => {
    store = await open({ namespace: "better-auth" });
    storage = betterAuthStorage({ store, clock });
  });
  afterAll(async () => {
    await store.close();
    await remove?.();
  });

  test("a value is there until its ttl is over, and what replaces it brings its own", async () => {
    await storage.set("a", "1", 10);
    await storage.set("a", "2", 5);
    clock.advance("4999ms");
    expect(await storage.get("a")).toBe("2");
    clock.advance("1ms");
    expect(await storage.get("a")).toBeNull();
    await storage.set("a", "for ever");
    clock.advance("3650d");
    expect(await storage.get("a")).toBe("for ever");
    await storage.delete("a");
    expect(await storage.get("a")).toBeNull();
  });

  test.each(["", "x".repeat(2_000), "nul\0", "\uD800", "\uFFFD", "__proto__"])("any text is a key: %j", async (key) => {
    expect(await storage.get(key)).toBeNull();
    await storage.set(key, key, 10);
    expect((await storage.get(key))?.length).toBe(key.length);
    await storage.delete(key);
    expect(await storage.get(key)).toBeNull();
  });

  test("of many who take a value, one gets it, and it can be set anew", async () => {
    await storage.set("once", "secret", 60);
    const taken = await Promise.all(Array.from({ length: 5 }, async () => storage.getAndDelete("once")));
    expect(taken.filter((value) => value !== null)).toEqual(["secret"]);
    expect(await storage.get("once")).toBeNull();
    await storage.set("once", "another", 60);
    expect(await storage.getAndDelete("once")).toBe("another");
  });

  test("counts lose nothing, and end a fixed time after the first", async () => {
    const counts = await Promise.all(Array.from({ length: 8 }, async () => storage.increment("hits", 10)));
    expect(counts.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    clock.advance("9s");
    expect(await storage.increment("hits", 10)).toBe(9);
    clock.advance("1s");
    expect(await storage.increment("hits", 10)).toBe(1);
  });

  test("a session that was deleted is not brought back by a late set, nor by the set after", async () => {
    await storage.set("token", session("token"), 60);
    await storage.delete("token");
    for (const late of [1, 2]) await storage.set("token", session("token", { late }), 600);
    expect(await storage.get("token")).toBeNull();
    await storage.delete("token");
    await storage.set("token", session("token"), 600);
    expect(await storage.get("token")).toBeNull();
  });

  test("a delete and a set at the same time end with no session", async () => {
    for (let round = 0; round < 10; round++) {
      const token = `token-${round}`;
      await storage.set(token, session(token), 60);
      await Promise.all([
        storage.set(token, session(token, { round }), 60),
        storage.delete(token),
        storage.set(token, session(token, { round }), 60),
      ]);
      expect(await storage.get(token)).toBeNull();
    }
  });

  test("no key is stored as it is", async () => {
    await storage.set("a token of a session", "1", 60);
    const { items } = await store.list({ limit: 1_000 }, clock.now());
    expect(items.length).toBeGreaterThan(0);
    for (const { key } of items) expect(key).toMatch(/^better-auth:[\w-]{43}$/);
  });
}

test("a fault is thrown, never an absent value", async () => {
  const store = faultyStore(asyncStore(memoryStore()), [{ call: "get", fault: "fail" }]);
  await expect(betterAuthStorage({ store }).get("a")).rejects.toThrow(StoreError);
});

test.each<[Readonly<Record<string, unknown>> | undefined, RegExp]>([
  [undefined, /Expected the options of `betterAuthStorage` to be an object, got undefined/],
  [{}, /Expected `store` to be a store, got undefined/],
  [
    { store: { ...memoryStore(), guarantees: { ...memoryStore().guarantees, atomic: false } } },
    /Expected `store` to be atomic/,
  ],
  [{ store: memoryStore(), namespace: "a:b" }, /Expected `namespace` to be 1 to 64 letters/],
  [{ store: memoryStore(), clock: {} }, /Expected `clock` to be a clock/],
  [{ store: memoryStore(), prefix: "a" }, /Expected an option of `betterAuthStorage`/],
])("options %#", (options, message) => {
  expect(() => betterAuthStorage(options as unknown as BetterAuthStorageOptions)).toThrow(message);
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a ttl of %d is refused", async (ttl) => {
  const storage = betterAuthStorage({ store: memoryStore() });
  await expect(storage.set("a", "1", ttl)).rejects.toThrow(TypeError);
});

describe("better-auth over it", () => {
  const body = { email: "ann@example.com", password: "correct horse", name: "Ann" };

  function site(secondaryStorage: NonNullable<BetterAuthOptions["secondaryStorage"]>) {
    const auth = betterAuth({
      baseURL: "http://localhost:3000",
      secret: "only for this test: 32 bytes or more",
      database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
      emailAndPassword: { enabled: true },
      secondaryStorage,
    });
    return {
      auth,
      async signUp() {
        const { headers, response } = await auth.api.signUpEmail({ body, returnHeaders: true });
        const cookie = headers.getSetCookie()[0]?.split(";")[0] ?? "";
        return { headers: new Headers({ cookie }), token: response.token ?? "" };
      },
    };
  }

  test("login, session, the list of them, logout", async () => {
    const { auth, signUp } = site(betterAuthStorage({ store: memoryStore() }));
    const { headers } = await signUp();
    expect((await auth.api.getSession({ headers }))?.user.email).toBe(body.email);
    expect(await auth.api.listSessions({ headers })).toHaveLength(1);
    await auth.api.signOut({ headers });
    expect(await auth.api.getSession({ headers })).toBeNull();
  });

  test("a change that is under way when the user logs out does not log in again", async () => {
    const storage = betterAuthStorage({ store: memoryStore() });
    let late: (() => Promise<void>) | undefined;
    const { auth, signUp } = site({
      ...storage,
      async set(key, value, ttl) {
        if (late === undefined || !value.startsWith('{"session"')) return storage.set(key, value, ttl);
        await late();
        await storage.set(key, value, ttl);
      },
    });
    const { headers, token } = await signUp();
    const { internalAdapter } = await auth.$context;
    late = async () => {
      late = undefined;
      await internalAdapter.deleteSession(token);
    };
    await internalAdapter.updateSession(token, { userAgent: "changed" });
    expect(late).toBeUndefined();
    expect(await auth.api.getSession({ headers })).toBeNull();
  });
});
