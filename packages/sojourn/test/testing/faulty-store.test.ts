import { describe, expect, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { asyncStore, faultyStore, gate, type Fault } from "../../src/testing/index.ts";
import { entry, now } from "../store/support/callers.ts";

const first = entry("k", "first");

async function failure(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe.each(["sync", "async"] as const)("faultyStore over a store that is %s", (mode) => {
  const make = (script: readonly Fault[]) =>
    faultyStore(mode === "sync" ? memoryStore() : asyncStore(memoryStore()), script);

  test("passes on what the script does not name", async () => {
    const store = make([]);
    expect(store.mode).toBe(mode);
    expect(await store.put(first, null, now)).toEqual({ outcome: "stored", removed: [] });
    expect((await store.get("k", now))?.rev).toBe("first");
    expect(await store.touch("k", "first", first, now)).toBe(true);
    expect((await store.list({ limit: 1 }, now)).items).toHaveLength(1);
    expect((await store.listByOwner("ann", { limit: 1 }, now)).items).toEqual([]);
    expect(await store.count(now)).toBe(1);
    expect(await store.sweep(now, 1)).toEqual([]);
    expect(await store.revokeOwner("ann")).toEqual([]);
    expect((await store.delete("k"))?.rev).toBe("first");
    await store.close();
    expect(await failure(() => store.get("k", now))).toMatchObject({ code: "store_closed" });
  });

  test('"fail" happens before anything does, at the call that is named', async () => {
    const store = make([{ call: "put", nth: 2, fault: "fail" }]);
    await store.put(first, null, now);
    const error = await failure(() => store.put(entry("k", "second"), "first", now));
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ code: "store_unavailable" });
    expect((await store.get("k", now))?.rev).toBe("first");
    expect(await store.put(entry("k", "third"), "first", now)).toMatchObject({ outcome: "stored" });
  });

  test('"lose-reply" throws after it has happened', async () => {
    const error = new Error("the line is dead");
    const store = make([
      { call: "put", nth: 1, fault: "lose-reply" },
      { call: "delete", fault: "lose-reply", error },
    ]);
    expect(await failure(() => store.put(first, null, now))).toMatchObject({ code: "store_timeout" });
    expect((await store.get("k", now))?.rev).toBe("first");
    for (let attempt = 0; attempt < 2; attempt++) expect(await failure(() => store.delete("k"))).toBe(error);
    expect(await store.get("k", now)).toBeUndefined();
  });

  test('"duplicate" delivers twice, and the caller sees the first answer', async () => {
    const inner = mode === "sync" ? memoryStore() : asyncStore(memoryStore());
    let deletes = 0;
    const counted = { ...inner, delete: (key: string) => (deletes++, inner.delete(key)) };
    const store = faultyStore(counted as typeof inner, [{ call: "delete", fault: "duplicate" }]);
    await store.put(first, null, now);
    expect((await store.delete("k"))?.rev).toBe("first");
    expect(deletes).toBe(2);
  });

  test("of several faults, the first is the closest to the caller", async () => {
    const store = make([
      { call: "put", fault: "lose-reply" },
      { call: "put", fault: "fail", error: new Error("inner") },
    ]);
    expect(await failure(() => store.put(first, null, now))).toMatchObject({ message: "inner" });
  });

  test("an asynchronous store rejects, it does not throw", async () => {
    const store = make([{ call: "get", fault: "fail" }]);
    if (mode === "sync") expect(() => store.get("k", now)).toThrow(StoreError);
    else await expect(Promise.resolve(store.get("k", now))).rejects.toThrow(StoreError);
  });
});

describe("gates", () => {
  test('"hold" keeps the request on its way until the gate opens', async () => {
    const held = gate();
    const store = faultyStore(asyncStore(memoryStore()), [{ call: "put", nth: 1, fault: "hold", gate: held }]);
    const slow = store.put(first, null, now);
    await held.reached;
    expect(await store.get("k", now)).toBeUndefined();
    await store.put(entry("k", "second"), null, now);
    held.open();
    expect(await slow).toMatchObject({ outcome: "conflict", current: { rev: "second" } });
  });

  test('"hold-reply" keeps the answer on its way, when it has happened', async () => {
    const held = gate();
    const store = faultyStore(asyncStore(memoryStore()), [{ call: "delete", fault: "hold-reply", gate: held }]);
    await store.put(first, null, now);
    const slow = store.delete("k");
    await held.reached;
    expect(await store.get("k", now)).toBeUndefined();
    held.open();
    expect((await slow)?.rev).toBe("first");
  });

  test("a synchronous store cannot wait", () => {
    expect(() => faultyStore(memoryStore(), [{ call: "get", fault: "hold", gate: gate() }])).toThrow(TypeError);
  });
});
