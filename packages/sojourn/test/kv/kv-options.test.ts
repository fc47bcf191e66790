/** `storage.kv` apart from what it stores: its options, and stores that fail or hold what is not theirs. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, expectTypeOf, test } from "vitest";
import { StoreError } from "../../src/errors.ts";
import { storage, StorageError, type ByteStream, type KvOptions, type KvStorage } from "../../src/kv/index.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import type { KeyValue, Store } from "../../src/store/store.ts";
import { faultyStore, manualClock } from "../../src/testing/index.ts";

const bad: readonly Record<string, unknown>[] = [
  { name: "" },
  { name: undefined },
  { name: "a:b" },
  { name: "a/b" },
  { name: "é" },
  { name: "n".repeat(65) },
  { name: "n\n" },
  { namespace: "" },
  { namespace: "a:b" },
  { namespace: null },
  { ttlSeconds: 0 },
  { ttlSeconds: -1 },
  { ttlSeconds: Number.NaN },
  { ttlSeconds: 1.5 },
  { ttlSeconds: "60" },
  { ttlSeconds: 31_536_000_001 },
  { store: {} },
  { store: null },
  { clock: {} },
  { maxValueBytes: 0 },
  { maxValueBytes: 1.5 },
];

test.each(bad)("%o is refused at once", (options) => {
  const all = { name: "n", ...options } as unknown as KvOptions;
  expect(() => storage.kv(all)).toThrow(TypeError);
  const [name = ""] = Object.keys(options);
  expect(() => storage.kv(all)).toThrow(`\`${name}\``);
});

test("the defaults: namespace, memory, the machine's clock, no ttl, 25 MiB", async () => {
  const kv = storage.kv({ name: "n" });
  expect([kv.name, kv.namespace, kv.guarantees.durability, kv.maxKeyBytes]).toEqual(["n", "default", "none", 502]);
  const before = Date.now();
  const { expiresAt } = await kv.put("k", "v", { ttlSeconds: 1 });
  expect(expiresAt).toBeGreaterThanOrEqual(before + 1_000);
  expect(expiresAt).toBeLessThanOrEqual(Date.now() + 1_000);
  await expect(kv.put("k", "x".repeat(26_214_401))).rejects.toMatchObject({ code: "storage_value_too_large" });
  // Each has a memory of its own.
  expect(await storage.kv({ name: "n" }).get("k")).toBeNull();
});

test("the longest names leave 382 bytes for a key, and 512 fill a store's key", async () => {
  const kv = storage.kv({ name: "n".repeat(64), namespace: "s".repeat(64) });
  expect(kv.maxKeyBytes).toBe(382);
  await kv.put("k".repeat(382), "v");
  expect((await kv.list()).keys).toHaveLength(1);
});

test("a storage is frozen", () => {
  expect(Object.isFrozen(storage)).toBe(true);
  expect(Object.isFrozen(storage.kv({ name: "n" }))).toBe(true);
});

test("a store that fails is a StoreError, never an absence or an existing key", async () => {
  const script = (["get", "put", "delete", "list"] as const).map((call) => ({ call, fault: "fail" }) as const);
  const kv = storage.kv({ name: "n", store: faultyStore(memoryStore(), script) });
  for (const call of [
    async () => kv.get("k"),
    async () => kv.head("k"),
    async () => kv.put("k", "v"),
    async () => kv.put("k", "v", { ifNotExists: true }),
    async () => kv.delete("k"),
    async () => kv.list(),
  ]) {
    const error = await call().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoreError);
    expect(error).toMatchObject({ code: "store_unavailable" });
  }
});

test("a full memory store refuses, and what was there stays", async () => {
  const kv = storage.kv({ name: "n", store: memoryStore({ maxEntries: 1 }) });
  await kv.put("a", "1");
  await expect(kv.put("b", "2")).rejects.toMatchObject({ code: "store_full" });
  expect(await (await kv.get("a"))?.text()).toBe("1");
});

test("a cursor that is none of a page is a StorageError", async () => {
  const kv = storage.kv({ name: "n" });
  const error = await kv.list({ cursor: "not a cursor" }).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StorageError);
  expect(error).toMatchObject({ code: "storage_invalid_list", status: 400, cause: expect.any(TypeError) });
});

test("an entry of another program is a fault, not a value", async () => {
  const store = memoryStore();
  const now = Date.now();
  const instants = { createdAt: now, touchedAt: now, expiresAt: now + 1e6 };
  store.put({ key: "default:n:k", owner: null, rev: "r", meta: "not JSON", value: "v", ...instants }, "any", now);
  const kv = storage.kv({ name: "n", store });
  await expect(kv.get("k")).rejects.toMatchObject({ code: "store_corrupt" });
  await expect(kv.list()).rejects.toMatchObject({ code: "store_corrupt" });
  expect(await kv.delete("k")).toBe(true);
});

test("a store that answers what cannot be is not believed", async () => {
  const odd = { ...memoryStore(), put: () => ({ outcome: "revoked" }) } as unknown as KeyValue;
  const kv = storage.kv({ name: "n", store: odd });
  await expect(kv.put("k", "v", { ifNotExists: true })).rejects.toMatchObject({ code: "store_unavailable" });
});

test("the time of a put is that of its storing, not of its call", async () => {
  const clock = manualClock();
  const kv = storage.kv({ name: "n", ttlSeconds: 60, clock });
  const slow = new ReadableStream<Uint8Array>({
    pull(controller) {
      clock.advance("30s");
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  });
  const { expiresAt } = await kv.put("k", slow);
  expect(expiresAt).toBe(clock.now() + 60_000);
});

test("an upload that breaks off stores nothing", async () => {
  const kv = storage.kv({ name: "n" });
  const broken = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(1)),
    pull: (controller) => controller.error(new Error("gone")),
  });
  await expect(kv.put("k", broken)).rejects.toThrow("gone");
  expect(await kv.head("k")).toBeNull();
});

test("a stream is the runtime's own, where its types are there", () => {
  expectTypeOf<ByteStream>().toExtend<ReadableStream<Uint8Array>>();
});

test.each<[string, () => Store<"sync">]>([
  ["memory", () => memoryStore()],
  ["SQLite", () => sqliteStore({ path: ":memory:" })],
])("cleanup frees exactly what has expired, in slices: %s", async (_, open) => {
  const clock = manualClock();
  const store = open();
  const kv = storage.kv({ name: "n", store, clock });
  for (let n = 0; n < 1_500; n++) await kv.put(`short ${n}`, "v", { ttlSeconds: 1 });
  await kv.put("long", "v");
  clock.advance(999);
  expect(await kv.cleanup()).toBe(0);
  clock.advance(1);
  expect([await kv.cleanup(), await kv.cleanup({ limit: 300 }), await kv.cleanup(), await kv.cleanup()]).toEqual([
    1_000, 300, 200, 0,
  ]);
  expect((await kv.list()).keys.map(({ name }) => name)).toEqual(["long"]);
});

test.each([0, -1, 1.5, 1_001, "10", null])("cleanup: a limit of %j is refused", async (limit) => {
  const kv = storage.kv({ name: "n", store: memoryStore() });
  await expect(kv.cleanup({ limit: limit as never })).rejects.toThrow(/Expected `limit` to be/);
});

test("without a store the process is warned, once, that all is forgotten with it", () => {
  const script = `
    import { memoryStore } from "sojourn";
    import { storage } from "sojourn/kv";
    const warnings = [];
    process.on("warning", ({ name, code, message }) => warnings.push({ name, code, message }));
    storage.kv({ name: "n", store: memoryStore() });
    await new Promise(setImmediate);
    const before = warnings.length;
    storage.kv({ name: "sessions" });
    storage.kv({ name: "others" });
    await new Promise(setImmediate);
    console.log(JSON.stringify([before, warnings]));`;
  const cwd = fileURLToPath(new URL("../../../../", import.meta.url));
  const given = ["--input-type=module", "--eval", script];
  expect(JSON.parse(execFileSync(process.execPath, given, { cwd, encoding: "utf8", stdio: "pipe" }))).toEqual([
    0,
    [{ name: "SojournWarning", code: "SOJOURN_KV_FORGETS", message: expect.stringContaining("store: memoryStore()") }],
  ]);
});

test("a misspelt option is refused by name", () => {
  const options = { name: "n", store: memoryStore(), ttlSecond: 60 } as KvOptions;
  expect(() => storage.kv(options)).toThrow(
    'Expected an option of `storage.kv`, such as `ttlSeconds`, got "ttlSecond"',
  );
});

test.each<[string, string, (kv: KvStorage) => Promise<unknown>]>([
  ["put", "`ttlSeconds`", (kv) => kv.put("k", "v", { ttl: 5 } as object)],
  ["put", "`ifNotExists`", (kv) => kv.put("k", "v", { ifNotExist: true } as object)],
  ["list", "`prefix`", (kv) => kv.list({ prefx: "a" } as object)],
  ["cleanup", "`limit`", (kv) => kv.cleanup({ limits: 1 } as object)],
])("%s refuses a misspelt option, and names %s", async (call, wanted, run) => {
  const kv = storage.kv({ name: "s", store: memoryStore() });
  const message = `Expected an option of \`${call}\`, such as ${wanted}, got `;
  await expect(run(kv)).rejects.toThrow(
    expect.objectContaining({ name: "TypeError", message: expect.stringContaining(message) }),
  );
  expect(await kv.get("k")).toBeNull();
});
