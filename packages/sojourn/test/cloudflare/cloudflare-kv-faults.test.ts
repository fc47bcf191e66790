/** `cloudflareKv` where KV fails, and where it is taken for more than it is. */
import type { KVNamespace } from "@cloudflare/workers-types";
import { describe, expect, test } from "vitest";
import { cloudflareKv } from "../../src/cloudflare/cloudflare-kv.ts";
import type { KvNamespace } from "../../src/cloudflare/cloudflare-kv.ts";
import { StoreError } from "../../src/errors.ts";
import { createSessions } from "../../src/index.ts";
import { storage } from "../../src/kv/index.ts";
import type { Entry } from "../../src/store/store.ts";

const now = Date.UTC(2026, 0, 1);
const entry: Entry = {
  key: "secret-key",
  owner: null,
  rev: "rev",
  meta: "",
  createdAt: now,
  touchedAt: now,
  expiresAt: now + 1_000,
  value: "v",
};

/** A namespace that is empty, where one call fails. */
function failing(call: keyof KvNamespace, error: Error): KvNamespace {
  const nothing = { value: null, metadata: null };
  const binding: KvNamespace = {
    getWithMetadata: async () => nothing,
    put: async () => undefined,
    delete: async () => undefined,
    list: async () => ({ keys: [], list_complete: true }),
  };
  return {
    ...binding,
    [call]: async () => {
      throw error;
    },
  };
}

/** What the text of KV's errors looks like. */
const errors = [
  ["KV PUT failed: 429 Too Many Requests", "store_rate_limited"],
  ["KV GET failed: 500 Internal Server Error", "store_unavailable"],
  ["Network connection lost.", "store_unavailable"],
] as const;

describe.each(errors)("%s", (message, code) => {
  const cause = new Error(message);
  const calls = [
    ["getWithMetadata", "get", async (store: Store) => store.get(entry.key, now)],
    ["getWithMetadata", "put", async (store: Store) => store.put(entry, "any", now)],
    ["put", "put", async (store: Store) => store.put(entry, "any", now)],
    ["getWithMetadata", "delete", async (store: Store) => store.delete(entry.key)],
    ["delete", "delete", async (store: Store) => store.delete(entry.key)],
    ["list", "list", async (store: Store) => store.list({ limit: 5 }, now)],
  ] as const;

  test.each(calls)(`from %s is a ${code} of %s, with its cause`, async (call, _, make) => {
    const error = await make(cloudflareKv(failing(call, cause))).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ code, cause, status: 503 });
    expect(String(error)).not.toContain("secret");
  });

  test("passes through storage.kv unchanged, and is not an absence", async () => {
    const kv = storage.kv({ name: "n", store: cloudflareKv(failing("getWithMetadata", cause)) });
    await expect(kv.get("k")).rejects.toMatchObject({ code });
    await expect(kv.put("k", "v", { ifNotExists: true })).rejects.toMatchObject({ code });
    await expect(kv.delete("k")).rejects.toMatchObject({ code });
  });
});

type Store = ReturnType<typeof cloudflareKv>;

test("a delete is made even if the reading found nothing: an older copy may have answered", async () => {
  const deleted: string[] = [];
  const binding = failing("put", new Error("unused"));
  await cloudflareKv({ ...binding, delete: async (key) => void deleted.push(key) }).delete("k");
  expect(deleted).toEqual(["k"]);
});

test("a value that breaks off while its head is read is a fault", async () => {
  const value = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("gone")) });
  const found = { value, metadata: { v: 1, h: 5 } };
  const binding = { ...failing("put", new Error("unused")), getWithMetadata: async () => found };
  await expect(cloudflareKv(binding as unknown as KvNamespace).delete("k")).rejects.toMatchObject({
    code: "store_unavailable",
  });
});

test("a head that is cut off is corrupt", async () => {
  const head = new TextEncoder().encode('{"v":1,"k":"t","r"');
  const found = { value: new Blob([head]).stream(), metadata: { v: 1, h: 500 } };
  const binding = { ...failing("put", new Error("unused")), getWithMetadata: async () => found };
  await expect(cloudflareKv(binding as unknown as KvNamespace).delete("k")).rejects.toMatchObject({
    code: "store_corrupt",
  });
});

test.each([undefined, null, {}, "KV", new Map()])("%o is no KV namespace", (binding) => {
  expect(() => cloudflareKv(binding as KvNamespace)).toThrow(TypeError);
});

test("the KVNamespace of @cloudflare/workers-types fits", () => {
  const binding = failing("put", new Error("unused")) as unknown as KVNamespace;
  expect(cloudflareKv(binding).mode).toBe("async");
});

test("sessions refuse it, by type and by an error that says why", () => {
  const store = cloudflareKv(failing("put", new Error("unused")));
  // @ts-expect-error it has no touch, no owners, no count and no sweep
  expect(() => createSessions({ store })).toThrow(/key-value store.*a logout would not be one.*storage\.kv/);
});
