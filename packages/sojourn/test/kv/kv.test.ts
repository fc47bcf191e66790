/** `storage.kv` over every store of this process; `test/cloudflare/cloudflare-kv.test.ts` runs the same in workerd. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KeyValue } from "../../src/store/store.ts";
import { noRedis } from "../store/support/redis-binary.ts";
import { postgresStores, redisStores, sqliteStores, stores, type StoreUnderTest } from "../store/support/stores.ts";
import { storageSuite } from "./support/storage-suite.ts";

describe.each([...stores, ...sqliteStores])("storage.kv on $name", (store) => {
  suite(store);
});
describe.each(postgresStores.slice(0, 2))("storage.kv on Postgres, $name", (store) => {
  suite(store);
});
describe.skipIf(noRedis).each(redisStores)("storage.kv on Redis, $name", (store) => {
  suite(store);
});

function suite({ place }: StoreUnderTest): void {
  const { open, remove } = place();
  let store: KeyValue;
  beforeAll(async () => {
    store = await open({ namespace: "kv" });
  });
  afterAll(async () => {
    await store.close();
    await remove?.();
  });

  test.each(storageSuite)("$name", async ({ run }) => expect(await run(store)).toBeUndefined());
}
