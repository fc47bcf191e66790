/** `SessionStore` call by call, as connect-redis and express-session itself are used: by hand. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { SessionStore, type SessionStoreOptions } from "../../../src/web/express-session.ts";
import { called, load, open, stores, written } from "../support/express-session.ts";

const HOUR = 3_600_000;

// Cookies compute their end by the machine's clock, so that is the one that is moved.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2026, 0, 1) });
});
afterEach(() => {
  vi.useRealTimers();
});
const advance = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

describe.each(stores)("over $name", ({ make }) => {
  test("what is set can be got, listed, counted and destroyed, with promises", async () => {
    const store = open(make());
    await store.set("123", written({ foo: "bar" }));
    await store.set("456", written({}, 60_000));
    expect(await store.get("123")).toEqual({ foo: "bar", cookie: { originalMaxAge: null } });
    expect(await store.length()).toBe(2);
    expect((await store.ids()).toSorted()).toEqual(["123", "456"]);
    const all = (await store.all()).toSorted((a, b) => (a.id < b.id ? -1 : 1));
    expect(all).toEqual([
      { id: "123", foo: "bar", cookie: { originalMaxAge: null } },
      { id: "456", cookie: { originalMaxAge: 60_000, expires: new Date(Date.now() + 60_000).toISOString() } },
    ]);
    await store.destroy("456");
    expect(await store.get("456")).toBeUndefined();
    expect(await store.length()).toBe(1);
    await store.clear();
    expect(await store.length()).toBe(0);
  });

  test("and with callbacks, which are called once and with no error", async () => {
    const store = open(make());
    expect(await called((done) => store.set("123", written({ foo: "bar" }), done))).toEqual([null, undefined]);
    expect(await called((done) => store.get("123", done))).toEqual([null, expect.objectContaining({ foo: "bar" })]);
    expect(await called((done) => store.get("456", done))).toEqual([null, undefined]);
    expect(await called((done) => store.touch("123", written(), done))).toEqual([null, undefined]);
    expect(await called((done) => store.length(done))).toEqual([null, 1]);
    expect(await called((done) => store.ids(done))).toEqual([null, ["123"]]);
    expect(await called((done) => store.all(done))).toEqual([null, [expect.objectContaining({ id: "123" })]]);
    expect(await called((done) => store.destroy("123", done))).toEqual([null, undefined]);
    expect(await called((done) => store.clear(done))).toEqual([null, undefined]);
  });

  test("the cookie's end decides how long a session lives, or else the ttl", async () => {
    const store = open(make(), { ttl: "1h" });
    await store.set("of the ttl", written());
    await store.set("of the cookie", written({}, 60_000));
    advance(59_999);
    expect(await store.get("of the cookie")).toBeDefined();
    advance(1);
    expect(await store.get("of the cookie")).toBeUndefined();
    expect(await store.ids()).toEqual(["of the ttl"]);
    advance(HOUR - 60_000);
    expect(await store.get("of the ttl")).toBeUndefined();
    expect(await store.all()).toEqual([]);
  });

  test("a session that is set with an end in the past ends", async () => {
    const store = open(make());
    await store.set("789", written({}, 90_000));
    await store.set("789", written({}, -90_000));
    expect(await store.length()).toBe(0);
    expect(await store.get("789")).toBeUndefined();
  });

  test("a set by hand that comes after the destroy changes nothing, for an hour", async () => {
    const store = open(make());
    await store.set("123", written({ user: "ann" }));
    await store.destroy("123");
    await store.set("123", written({ user: "ann" }));
    await store.touch("123", written({ user: "ann" }));
    expect(await store.get("123")).toBeUndefined();
    expect([await store.length(), await store.ids(), await store.all()]).toEqual([0, [], []]);
    advance(HOUR - 1);
    await store.set("123", written());
    expect(await store.get("123")).toBeUndefined();
    advance(1);
    await store.set("123", written({ user: "bob" }));
    expect(await store.get("123")).toMatchObject({ user: "bob" });
  });

  test("clear forgets what was destroyed, but brings nothing back to who has loaded it", async () => {
    const store = open(make());
    await store.set("123", written());
    await store.set("456", written());
    const loaded = await load(store, "456");
    await store.destroy("123");
    await store.clear();
    await store.set("123", written({ fresh: true }));
    loaded["late"] = true;
    await store.set("456", loaded);
    expect(await store.ids()).toEqual(["123"]);
  });
});

test.each([
  [{}, /`store`/],
  [{ store: {} }, /`store`/],
  [{ store: memoryStore(), ttl: 0 }, /`ttl`/],
  [{ store: memoryStore(), ttl: "1 day" }, /`ttl`/],
  [{ store: memoryStore(), ttl: "1h", refreshThreshold: "2h" }, /`refreshThreshold`/],
  [{ store: memoryStore(), owner: "userId" }, /`owner`/],
  [{ store: memoryStore(), maxDataLength: 1 }, /`maxDataLength`/],
  [{ store: memoryStore(), clock: {} }, /`clock`/],
])("an option that is not one is refused: %j", (options, message) => {
  expect(() => new SessionStore(options as SessionStoreOptions)).toThrow(message);
});

test("an owner that is not a user id is told, and nothing is stored", async () => {
  const store = open(memoryStore(), { owner: () => 42 as never });
  await expect(store.set("123", written())).rejects.toBeInstanceOf(TypeError);
  expect(await store.length()).toBe(0);
});

test("an id that is too long for a key is told", async () => {
  const store = open(memoryStore());
  await expect(store.get("x".repeat(513))).rejects.toBeInstanceOf(TypeError);
  expect((await called((done) => store.set("", written(), done)))[0]).toBeInstanceOf(TypeError);
});
