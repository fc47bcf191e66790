import { afterAll, describe, expect, test } from "vitest";
import type { KeyValue } from "../../src/store/store.ts";
import { keyValueContract, storeContract } from "../../src/testing/index.ts";
import { naiveStore } from "./support/naive-store.ts";
import { stores } from "./support/stores.ts";

describe.each(stores)("the store contract: $name", ({ twoStores, place }) => {
  const { open, remove } = place();
  afterAll(() => remove?.());

  for (const { rule, name, needs, run } of storeContract) {
    if (needs === "two stores" && !twoStores) continue;
    test(`rule ${rule}: ${name}`, async () => expect(await run(open)).toBeUndefined());
  }
});

describe("the part of the contract for key-value stores", () => {
  test.each(keyValueContract)("rule $rule: $name", async ({ run }) => expect(await run(openKeyValue)).toBeUndefined());
});

describe("the contract itself", () => {
  test("has cases for every rule, each with a name of its own", () => {
    const rules = new Set(storeContract.map(({ rule }) => rule));
    expect([...rules]).toEqual([...Array(18).keys()]);
    expect(new Set(storeContract.map(({ name }) => name)).size).toBe(storeContract.length);
  });

  test("the part for key-value stores asks for nothing more", () => {
    expect(keyValueContract.length).toBeGreaterThan(20);
    expect(keyValueContract.every(({ needs }) => needs === "keyvalue")).toBe(true);
  });
});

/** No more of a store than a `KeyValue` has. */
function openKeyValue(): KeyValue {
  const { mode, guarantees, get, put, delete: remove, list, close } = naiveStore();
  return { mode, guarantees, get, put, delete: remove, list, close };
}
