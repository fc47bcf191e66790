/** `storage.kv` over every store of this process; `test/cloudflare/kv.test.ts` runs the same in workerd. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { memoryStore } from "../../src/store/memory-store.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import type { KeyValue } from "../../src/store/store.ts";
import { asyncStore } from "../../src/testing/index.ts";
import { storageSuite } from "./support/storage-suite.ts";

const folder = mkdtempSync(join(tmpdir(), "sojourn-kv-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stores: readonly { readonly name: string; readonly open: () => KeyValue }[] = [
  { name: "memory", open: () => memoryStore() },
  { name: "memory, behind a network", open: () => asyncStore(memoryStore()) },
  { name: "SQLite", open: () => sqliteStore({ path: ":memory:" }) },
  { name: "SQLite, in a file", open: () => sqliteStore({ path: join(folder, "each.db") }) },
  { name: "SQLite, grouped", open: () => sqliteStore({ path: join(folder, "grouped.db"), commit: "grouped" }) },
];

describe.each(stores)("storage.kv on $name", ({ open }) => {
  const store = open();
  afterAll(async () => store.close());

  test.each(storageSuite)("$name", async ({ run }) => expect(await run(store)).toBeUndefined());
});
