import { describe, expect, test } from "vitest";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import type { Entry, Store } from "../../../src/store/store.ts";
import { gate, type Fault } from "../../../src/testing/faulty-store.ts";
import { asyncStore } from "../../../src/testing/index.ts";
import { bench, entry, now } from "./support/bench.ts";

function headsOf(found: Entry | undefined): unknown {
  return found && { rev: found.rev, touchedAt: found.touchedAt, expiresAt: found.expiresAt };
}

describe("what this process writes, it reads, though no word of it comes", () => {
  const writes: Readonly<Record<string, (near: Store<"async">) => Promise<unknown>>> = {
    "a change": async (near) => near.put(entry("k", { rev: "second" }), "rev of k", now),
    "a replacement": async (near) => near.put(entry("k", { rev: "second", owner: null }), "any", now),
    "a delete": async (near) => near.delete("k"),
    "a revocation": async (near) => near.revokeOwner("ann"),
    "a touch": async (near) => near.touch("k", "rev of k", { touchedAt: now + 5, expiresAt: now + 90_000 }, now),
    "a sweep": async (near) => near.sweep(now + 60_000, 10),
  };

  test.each(Object.entries(writes))("%s", async (_, make) => {
    const { near, shared, link } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    await make(near);
    expect(headsOf(await near.get("k", now))).toEqual(headsOf(shared.get("k", now)));
  });

  test.each(Object.entries(writes))("%s whose reply was lost", async (_, make) => {
    const lost = (["put", "delete", "revokeOwner", "touch", "sweep"] as const).map((call): Fault => {
      return { call, fault: "lose-reply" };
    });
    const { near, shared, link } = await bench({}, lost);
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    await expect(make(near)).rejects.toMatchObject({ code: "store_timeout" });
    expect(headsOf(await near.get("k", now))).toEqual(headsOf(shared.get("k", now)));
  });

  test.each(Object.entries(writes))("%s overtakes the loads that began before it had answered", async (_, make) => {
    const held = gate();
    const { near, shared, link } = await bench({}, [{ call: "get", nth: 2, fault: "hold-reply", gate: held }]);
    shared.put(entry("k"), null, now);
    link.hold();
    const slow = near.get("k", now);
    await held.reached;
    await make(near);
    const after = near.get("k", now);
    held.open();
    await slow;
    expect(headsOf(await after)).toEqual(headsOf(shared.get("k", now)));
    expect(headsOf(await near.get("k", now))).toEqual(headsOf(shared.get("k", now)));
  });

  test("a put that evicts another entry", async () => {
    const watched: Store<"async"> = {
      ...asyncStore(memoryStore({ maxEntries: 1, onFull: "evict-lru" })),
      watch: () => ({ confirm: async () => {}, close: async () => {} }),
    };
    const near = nearCache(watched);
    await near.put(entry("a"), null, now);
    await near.get("warm", now);
    await near.get("a", now);
    await near.put(entry("b"), null, now);
    expect(await near.get("a", now)).toBeUndefined();
    await near.close();
  });

  test("a touch of what the copy is older than", async () => {
    const { near, shared, link } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    shared.put(entry("k", { rev: "second" }), "any", now);
    expect(await near.touch("k", "second", { touchedAt: now + 5, expiresAt: now + 90_000 }, now)).toBe(true);
    expect((await near.get("k", now))?.rev).toBe("second");
  });

  test("a touch moves the copy, and drops it where it is another state of the entry", async () => {
    const { near, shared, isCopy } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    await near.touch("k", "rev of k", { touchedAt: now + 5, expiresAt: now + 90_000 }, now);
    await near.get("k", now);
    expect(await isCopy("k")).toBe(true);
    await near.touch("k", "another rev", { touchedAt: now + 5, expiresAt: now + 90_000 }, now);
    expect(await isCopy("k")).toBe(false);
  });
});
