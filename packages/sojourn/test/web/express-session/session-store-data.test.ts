/** Data that cannot be stored, users and their sessions, and what else is in a store. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { InvalidDataError, RevokedError } from "../../../src/errors.ts";
import { called, generate, load, open, stores, written } from "../support/express-session.ts";

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
  test("data that is not JSON, too deep or too large is refused, and nothing changes", async () => {
    const store = open(make(), { maxDataLength: 1_000 });
    await store.set("123", written({ n: 1 }));
    const cyclic: Record<string, unknown> = {};
    cyclic["self"] = cyclic;
    let deep: unknown = 1;
    for (let n = 0; n < 300; n++) deep = [deep];
    for (const bad of [{ big: 1n }, cyclic, { large: "x".repeat(1_000) }, { deep }]) {
      await expect(store.set("123", written(bad))).rejects.toBeInstanceOf(InvalidDataError);
      const loaded = await load(store, "123");
      Object.assign(loaded, bad);
      await expect(store.set("123", loaded)).rejects.toBeInstanceOf(InvalidDataError);
      expect(await store.get("123")).toEqual(written({ n: 1 }));
    }
    for (const bad of [null, undefined, 1, "text", ["array"]]) {
      await expect(store.set("123", bad as never)).rejects.toBeInstanceOf(InvalidDataError);
    }
    const [error] = await called((done) => store.set("123", written({ big: 1n }), done));
    expect(error).toBeInstanceOf(InvalidDataError);
    expect(await store.get("123")).toEqual(written({ n: 1 }));
  });

  test("two changes that are too large together are refused, and the first one stays", async () => {
    const store = open(make(), { maxDataLength: 1_000 });
    await store.set("123", written());
    const [first, second] = [await load(store, "123"), await load(store, "123")];
    first["a"] = "x".repeat(600);
    second["b"] = "x".repeat(600);
    await store.set("123", first);
    await expect(store.set("123", second)).rejects.toBeInstanceOf(InvalidDataError);
    expect(Object.keys((await store.get("123")) ?? {})).toEqual(["cookie", "a"]);
  });

  test("a field named __proto__ is only a field", async () => {
    const store = open(make());
    const hostile = JSON.parse('{"__proto__":{"admin":true},"deep":{"__proto__":{"admin":true}}}') as object;
    await store.set("123", { ...written(), ...hostile });
    const [first, second] = [await load(store, "123"), await load(store, "123")];
    first["a"] = 1;
    second["b"] = 2;
    await store.set("123", first);
    await store.set("123", second);
    const stored = (await store.get("123")) as unknown as Record<string, unknown>;
    expect([stored["a"], stored["b"], stored["admin"]]).toEqual([1, 2, undefined]);
    expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
  });

  test("every session of a user ends at once, but one", async () => {
    const store = open(make(), { owner: (data) => (data as { user?: string }).user });
    await store.set("1", written({ user: "ann" }));
    await store.set("2", written({ user: "ann" }));
    await store.set("3", written({ user: "bob" }));
    await store.set("4", written());
    const held = await load(store, "1");
    expect(await store.destroyByUser("ann", { except: "2" })).toBe(1);
    expect((await store.ids()).toSorted()).toEqual(["2", "3", "4"]);
    held["late"] = true;
    await store.set("1", held);
    await store.set("1", written({ user: "ann" }));
    expect(await store.get("1")).toBeUndefined();
    expect(await called((done) => store.destroyByUser("ann", {}, done))).toEqual([null, 1]);
    expect((await store.ids()).toSorted()).toEqual(["3", "4"]);
  });

  test("a login that began before is refused, and one that begins after is not", async () => {
    const store = open(make(), { owner: (data) => (data as { user?: string }).user });
    await store.set("old", written());
    const [before, generated] = [await load(store, "old"), generate(store, "new")];
    advance(5_000);
    await store.destroyByUser("ann");
    before["user"] = "ann";
    await expect(store.set("old", before)).rejects.toBeInstanceOf(RevokedError);
    generated["user"] = "ann";
    await expect(store.set("new", generated)).rejects.toBeInstanceOf(RevokedError);
    const after = await load(store, "old");
    after["user"] = "ann";
    await store.set("old", after);
    expect(await store.destroyByUser("ann")).toBe(1);
  });

  test("what else is in the store is neither listed nor cleared, and is never taken for a session", async () => {
    const inner = make();
    const other = {
      key: "other",
      owner: null,
      rev: "r",
      meta: "{}",
      createdAt: 0,
      touchedAt: 0,
      expiresAt: Date.now() + HOUR,
      value: "{}",
    };
    await inner.put(other, null, Date.now());
    const store = open(inner);
    await store.set("123", written());
    expect([await store.length(), await store.ids()]).toEqual([1, ["123"]]);
    expect(await store.all()).toHaveLength(1);
    const corrupt = { code: "store_corrupt" };
    await expect(store.get("other")).rejects.toMatchObject(corrupt);
    await expect(store.set("other", written())).rejects.toMatchObject(corrupt);
    await expect(store.set("other", generate(store, "other"))).rejects.toMatchObject(corrupt);
    await expect(store.destroy("other")).rejects.toMatchObject(corrupt);
    await store.clear();
    expect(await inner.count(Date.now())).toBe(1);
  });
});
