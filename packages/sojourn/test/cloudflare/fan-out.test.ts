/** Calls that several shards have a part in, when one of them fails. */
import { describe, expect, test } from "vitest";
import { durableObjectStore } from "../../src/cloudflare/index.ts";
import type { Entry, Store } from "../../src/store/store.ts";
import { nodeShards, type NodeShards, type ShardFault } from "./support/node-shards.ts";

const now = Date.UTC(2030, 0, 1);
const SHARDS = 4;
const KEYS = Array.from({ length: 24 }, (_, index) => `k${index}`);

function entryOf(key: string, parts: Partial<Entry> = {}): Entry {
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 60_000 };
  return { key, owner: "ann", rev: `rev of ${key}`, meta: "", ...instants, value: "v", ...parts };
}

async function filled(): Promise<{ readonly binding: NodeShards; readonly store: Store<"async"> }> {
  const binding = nodeShards();
  const store = durableObjectStore(binding, { namespace: "n", shards: SHARDS });
  for (const key of KEYS) await store.put(entryOf(key), null, now);
  return { binding, store };
}

describe.each<ShardFault>(["fail", "lose-reply"])("one shard of several: %s", (fault) => {
  test("a revocation throws, is done in the others, and is whole when it is repeated", async () => {
    const { binding, store } = await filled();
    const begun = store.begin();
    binding.faults.set("n/2", fault);
    await expect(store.revokeOwner("ann")).rejects.toMatchObject({ code: "store_unavailable" });
    binding.faults.clear();
    const left = (await store.listByOwner("ann", { limit: 100 }, now)).items.length;
    expect(left < KEYS.length && left > 0 === (fault === "fail")).toBe(true);
    expect(await store.revokeOwner("ann")).toHaveLength(left);
    expect(await store.count(now)).toBe(0);
    for (const key of KEYS) {
      expect(await store.put(entryOf(key, { rev: "late" }), null, now, begun)).toEqual({ outcome: "revoked" });
    }
  });

  test("a sweep throws, and what is left is swept when it is repeated, each once", async () => {
    const { binding, store } = await filled();
    binding.faults.set("n/1", fault);
    await expect(store.sweep(now + 60_000, 1_000)).rejects.toMatchObject({ code: "store_unavailable" });
    binding.faults.clear();
    expect(await store.count(now)).toBe(KEYS.length);
    const swept = await store.sweep(now + 60_000, 1_000);
    expect(swept.map(({ key }) => key).sort()).toEqual([...KEYS].sort());
  });

  test("a count and a listing throw, and say nothing less than everything", async () => {
    const { binding, store } = await filled();
    binding.faults.set("n/3", fault);
    await expect(store.count(now)).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(store.listByOwner("ann", { limit: 100 }, now)).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(store.list({ limit: 100 }, now)).rejects.toMatchObject({ code: "store_unavailable" });
    binding.faults.clear();
    expect((await store.list({ limit: 100 }, now)).items).toHaveLength(KEYS.length);
  });

  test("a store that cannot join its first shard joins none", async () => {
    const binding = nodeShards();
    binding.faults.set("n/0", fault);
    const store = durableObjectStore(binding, { namespace: "n", shards: SHARDS });
    for (const key of KEYS) await expect(store.put(entryOf(key), null, now)).rejects.toThrow("did not answer");
    binding.faults.clear();
    const other = durableObjectStore(binding, { namespace: "n", shards: 2 });
    // Where the reply was lost, the first shard has joined the first store.
    const put = other.put(entryOf("k"), null, now);
    if (fault === "fail") expect((await put).outcome).toBe("stored");
    else await expect(put).rejects.toMatchObject({ code: "store_schema" });
  });
});

test("what a shard has told before is sent once, and told again only when it has changed", async () => {
  const { store } = await filled();
  const first = await store.get("k0", now);
  const [again, sameRev] = [await store.get("k0", now), await store.get("k0", now)];
  expect(again).toBe(first);
  expect(sameRev).toBe(first);
  const to = { touchedAt: now + 1, expiresAt: now + 60_000 };
  await store.touch("k0", "rev of k0", to, now);
  const touched = await store.get("k0", now);
  expect([touched === first, touched?.touchedAt]).toEqual([false, now + 1]);
  expect(touched?.memo).not.toBe(first?.memo);
  await store.touch("k0", "rev of k0", { ...to, expiresAt: now + 70_000 }, now);
  expect((await store.get("k0", now))?.expiresAt).toBe(now + 70_000);
  // Neither instant is moved by a change that brings earlier ones.
  await store.put(entryOf("k0", { rev: "next", value: "changed" }), "rev of k0", now);
  expect(await store.get("k0", now)).toMatchObject({ rev: "next", value: "changed", expiresAt: now + 70_000 });
  await store.delete("k0");
  expect(await store.get("k0", now)).toBeUndefined();
  expect(await store.get("k1", now + 60_000)).toBeUndefined();
});

test("no more than the given number of entries is kept, and none with bytes or when it is 0", async () => {
  const binding = nodeShards();
  const store = durableObjectStore(binding, { namespace: "n", shards: 1, cache: 0 });
  await store.put(entryOf("text"), null, now);
  expect(await store.get("text", now)).not.toBe(await store.get("text", now));
  const other = durableObjectStore(binding, { namespace: "n", shards: 1 });
  await store.put(entryOf("bytes", { value: new Uint8Array([1, 2]) }), null, now);
  const bytes = await other.get("bytes", now);
  if (bytes?.value instanceof Uint8Array) bytes.value[0] = 9;
  expect((await other.get("bytes", now))?.value).toEqual(new Uint8Array([1, 2]));
});
