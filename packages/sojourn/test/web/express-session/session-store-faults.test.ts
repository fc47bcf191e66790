/** What a fault is told as, and how much is written and asked for. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StoreError } from "../../../src/errors.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { asyncStore, faultyStore } from "../../../src/testing/index.ts";
import type { SessionStore, SessionStoreOptions } from "../../../src/web/express-session.ts";
import { called, generate, load, open, written } from "../support/express-session.ts";

const HOUR = 3_600_000;

// Cookies compute their end by the machine's clock, so that is the one that is moved.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 1) });
});
afterEach(() => {
  vi.useRealTimers();
});
const advance = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

/** A store that counts what changes it. */
function counting(options: Partial<SessionStoreOptions> = {}): { store: SessionStore; writes: () => number } {
  const inner = memoryStore();
  let writes = 0;
  const put: typeof inner.put = (...given) => (writes++, inner.put(...given));
  const touch: typeof inner.touch = (...given) => (writes++, inner.touch(...given));
  return { store: open({ ...inner, put, touch }, options), writes: () => writes };
}

describe("a fault is never an absent session", () => {
  test.each(["set", "get", "touch", "destroy"] as const)("%s tells it to the callback", async (call) => {
    const inner = memoryStore();
    await open(inner).set("123", written());
    const store = open(
      faultyStore(inner, [
        { call: "get", fault: "fail" },
        { call: "put", fault: "fail" },
      ]),
    );
    const given = call === "get" || call === "destroy" ? ["123"] : ["123", written()];
    const [error, value] = await called((done) =>
      Reflect.apply(store[call] as (...given: unknown[]) => void, store, [...given, done]),
    );
    expect(error).toBeInstanceOf(StoreError);
    expect(value).toBeUndefined();
    await expect(Reflect.apply(store[call], store, given)).rejects.toBeInstanceOf(StoreError);
  });

  test.each(["all", "length", "ids", "clear"] as const)("%s tells it to the callback", async (call) => {
    const store = open(faultyStore(memoryStore(), [{ call: "list", fault: "fail" }]));
    const [error] = await called((done) => Reflect.apply(store[call] as (callback: unknown) => void, store, [done]));
    expect(error).toBeInstanceOf(StoreError);
    await expect(store[call]()).rejects.toBeInstanceOf(StoreError);
  });

  test("a driver's ENOENT, which express-session takes for absent, is told as a fault", async () => {
    const error = Object.assign(new Error("connect ENOENT /run/redis.sock"), { code: "ENOENT" });
    for (const inner of [memoryStore(), asyncStore(memoryStore())]) {
      const store = open(faultyStore(inner as Store, [{ call: "get", fault: "fail", error }]));
      const [given] = await called((done) => store.get("123", done));
      expect(given).toMatchObject({ code: "store_unavailable", cause: error });
      await expect(store.get("123")).rejects.toMatchObject({ code: "store_unavailable" });
    }
  });

  test("a save whose answer was lost counts once when it is saved again", async () => {
    const inner = memoryStore();
    await open(inner).set("123", written({ n: 1 }));
    const store = open(faultyStore(inner, [{ call: "put", nth: 1, fault: "lose-reply" }]));
    const loaded = await load(store, "123");
    loaded["n"] = 2;
    await expect(store.set("123", loaded)).rejects.toBeInstanceOf(StoreError);
    loaded["m"] = 1;
    await store.set("123", loaded);
    expect(await store.get("123")).toMatchObject({ n: 2, m: 1 });
  });
});

describe("writes", () => {
  test.each(["touch", "set"] as const)(
    "100 uses by %s within a minute write at most once, and never early",
    async (call) => {
      const { store, writes } = counting();
      await store.set("123", written({ user: "ann" }, HOUR));
      const before = writes();
      for (let n = 0; n < 100; n++) {
        advance(600);
        const loaded = await load(store, "123");
        loaded.touch();
        await store[call]("123", loaded);
      }
      expect(writes() - before).toBe(0);
      advance(1);
      const loaded = await load(store, "123");
      loaded.touch();
      await store[call]("123", loaded);
      expect(writes() - before).toBe(1);
      advance(HOUR - 1);
      expect(await store.get("123")).toBeDefined();
    },
  );

  test("with a threshold above the maxAge, every use is a write", async () => {
    const { store, writes } = counting({ ttl: "1d", refreshThreshold: "1d" });
    await store.set("123", written({}, HOUR));
    const before = writes();
    for (let n = 0; n < 10; n++) {
      advance(100);
      const loaded = await load(store, "123");
      loaded.touch();
      await store.touch("123", loaded);
    }
    expect(writes() - before).toBe(10);
  });

  test("the milliseconds by which a cookie's maxAge drifts are no change", async () => {
    const { store, writes } = counting();
    await store.set("123", written({}, 2_000));
    const before = writes();
    const loaded = await load(store, "123");
    loaded.cookie.originalMaxAge = 1_999;
    await store.touch("123", loaded);
    expect(writes() - before).toBe(0);
  });

  test("listing asks for a page at a time", async () => {
    const inner = memoryStore();
    const limits: number[] = [];
    const list: typeof inner.list = (options, now) => {
      limits.push(options.limit);
      return inner.list(options, now);
    };
    const store = open({ ...inner, list });
    for (let n = 0; n < 2_500; n++) await store.set(`s${n}`, written());
    expect(await store.length()).toBe(2_500);
    expect(new Set(await store.ids()).size).toBe(2_500);
    expect(await store.all()).toHaveLength(2_500);
    await store.clear();
    expect(await store.length()).toBe(0);
    expect(Math.max(...limits)).toBe(1_000);
    expect(limits.length).toBeGreaterThan(2 * 3 + 25);
  });

  test("sessions that nobody stores are not remembered for ever", async () => {
    const { store } = counting();
    const first = generate(store, "0");
    for (let n = 1; n <= 10_000; n++) store.generate?.({} as never);
    // The first one is forgotten, and can still be stored.
    await store.set("0", first);
    expect(await store.length()).toBe(1);
  });
});
