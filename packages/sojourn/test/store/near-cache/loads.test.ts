import { describe, expect, test } from "vitest";
import { StoreError } from "../../../src/errors.ts";
import { nearCache } from "../../../src/store/near-cache/near-cache.ts";
import { gate } from "../../../src/testing/faulty-store.ts";
import { bench, entry, now, turns } from "./support/bench.ts";
import { SharedStore } from "./support/shared-store.ts";

describe("a load", () => {
  test.each(["change", "everything"] as const)("is overtaken by word of %s", async (what) => {
    const held = gate();
    const { near, shared, link, isCopy } = await bench({}, [{ call: "get", nth: 2, fault: "hold-reply", gate: held }]);
    shared.put(entry("k"), null, now);
    const slow = near.get("k", now);
    await held.reached;
    if (what === "change") shared.put(entry("k", { rev: "second" }), "any", now);
    else {
      link.cut();
      shared.put(entry("k", { rev: "second" }), "any", now);
      link.mend();
    }
    held.open();
    expect((await slow)?.rev).toBe("rev of k");
    expect(await isCopy("k")).toBe(false);
    expect((await near.get("k", now))?.rev).toBe("second");
  });

  test("is shared by those who ask meanwhile, each with a copy of its own", async () => {
    const held = gate();
    const { near, shared, gets } = await bench({}, [{ call: "get", nth: 2, fault: "hold", gate: held }]);
    shared.put(entry("k", { value: Uint8Array.of(1) }), null, now);
    const before = gets();
    const all = [near.get("k", now), near.get("k", now), near.get("k", now)];
    await turns();
    held.open();
    const found = await Promise.all(all);
    expect(gets()).toBe(before + 1);
    for (const each of found) {
      expect(each?.value).toEqual(Uint8Array.of(1));
      if (each?.value instanceof Uint8Array) each.value.fill(9);
    }
  });

  test("of nothing, or of what is over, is no answer to those who came later", async () => {
    const held = gate();
    const { near, shared } = await bench({}, [{ call: "get", nth: 2, fault: "hold-reply", gate: held }]);
    const first = near.get("k", now);
    await held.reached;
    const second = near.get("k", now);
    // The watch says nothing of an insert here: it is on its way.
    shared.put(entry("k"), null, now);
    held.open();
    expect(await first).toBeUndefined();
    expect(await second).toBeDefined();
  });

  test("from before maxStale is not joined", async () => {
    const held = gate();
    const { near, shared, link, pass } = await bench({}, [{ call: "get", nth: 2, fault: "hold-reply", gate: held }]);
    shared.put(entry("k"), null, now);
    const slow = near.get("k", now);
    await held.reached;
    link.hold();
    shared.delete("k");
    await pass(200);
    const late = near.get("k", now);
    held.open();
    expect(await slow).toBeDefined();
    expect(await late).toBeUndefined();
  });

  test("that failed is not kept, and fails those who joined it", async () => {
    const { near, shared } = await bench({}, [{ call: "get", nth: 2, fault: "fail" }]);
    shared.put(entry("k"), null, now);
    const [one, two] = await Promise.allSettled([near.get("k", now), near.get("k", now)]);
    expect([one.status, two.status]).toEqual(["rejected", "rejected"]);
    expect((await near.get("k", now))?.rev).toBe("rev of k");
  });

  test("that is refused at once leaves nothing behind", async () => {
    const space = new SharedStore();
    const { store } = space.node();
    let fails = true;
    const near = nearCache({
      ...store,
      get(key, now) {
        if (fails) throw new StoreError("store_unavailable", "At once");
        return store.get(key, now);
      },
    });
    await expect(near.get("k", now)).rejects.toThrow("At once");
    fails = false;
    expect(await near.get("k", now)).toBeUndefined();
    await near.close();
  });
});
