import { describe, expect, test } from "vitest";
import { bench, entry, now } from "./support/bench.ts";

describe("a copy", () => {
  test("answers the second get, the same object with its memo", async () => {
    const { near, shared, gets } = await bench();
    shared.put(entry("k"), null, now);
    const before = gets();
    const first = await near.get("k", now);
    if (first?.memo !== undefined) first.memo.decoded = "parsed once";
    const second = await near.get("k", now);
    expect(second).toEqual({ ...entry("k"), memo: { decoded: "parsed once" } });
    expect(gets()).toBe(before + 1);
    expect(Object.isFrozen(second)).toBe(true);
  });

  test("shares no bytes", async () => {
    const { near, shared } = await bench();
    shared.put(entry("k", { value: Uint8Array.of(1, 2) }), null, now);
    for (let turn = 0; turn < 3; turn++) {
      const found = await near.get("k", now);
      expect(found?.value).toEqual(Uint8Array.of(1, 2));
      if (found?.value instanceof Uint8Array) found.value.fill(9);
    }
  });

  test("is never made of absence", async () => {
    const { near, shared } = await bench();
    expect(await near.get("k", now)).toBeUndefined();
    shared.put(entry("k"), null, now);
    expect((await near.get("k", now))?.rev).toBe("rev of k");
  });

  test("past its expiry is no verdict: the store is asked", async () => {
    const { near, shared, link } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    shared.touch("k", "rev of k", { touchedAt: now + 1, expiresAt: now + 120_000 }, now);
    expect((await near.get("k", now + 59_999))?.expiresAt).toBe(now + 60_000);
    expect((await near.get("k", now + 60_000))?.expiresAt).toBe(now + 120_000);
  });

  test("is dropped when the entry changes elsewhere, and all are when everything may have", async () => {
    const { near, shared, link, isCopy } = await bench();
    shared.put(entry("k"), null, now);
    shared.put(entry("l"), null, now);
    for (const key of ["k", "l"]) await near.get(key, now);
    expect(await isCopy("k")).toBe(true);
    shared.delete("k");
    expect(await near.get("k", now)).toBeUndefined();
    expect(await isCopy("l")).toBe(true);
    link.cut();
    link.mend();
    expect(await isCopy("l")).toBe(false);
  });

  test("the least recently used one makes room", async () => {
    const { near, shared, isCopy } = await bench({ max: 2 });
    for (const key of ["a", "b", "c"]) shared.put(entry(key), null, now);
    for (const key of ["a", "b", "a", "c"]) await near.get(key, now);
    expect(await isCopy("a")).toBe(true);
    expect(await isCopy("b")).toBe(false);
  });

  test("is not made of a value over 64 Ki characters", async () => {
    const { near, shared, isCopy } = await bench();
    shared.put(entry("large", { value: "x".repeat(65_537) }), null, now);
    shared.put(entry("small", { value: "x".repeat(65_536) }), null, now);
    for (const key of ["large", "small"]) await near.get(key, now);
    expect(await isCopy("large")).toBe(false);
    expect(await isCopy("small")).toBe(true);
  });

  test("is passed over by a get that asks for what is there now", async () => {
    const { near, shared, link } = await bench();
    shared.put(entry("k"), null, now);
    await near.get("k", now);
    link.hold();
    shared.delete("k");
    expect(await near.get("k", now)).toBeDefined();
    expect(await near.get("k", now, { fresh: true })).toBeUndefined();
  });
});
