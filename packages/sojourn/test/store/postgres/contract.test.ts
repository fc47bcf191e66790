import { afterAll, describe, expect, test } from "vitest";
import { storeContract } from "../../../src/testing/index.ts";
import { postgresStores } from "../support/stores.ts";

describe.each(postgresStores)("the store contract: Postgres, $name", ({ place }) => {
  const { open, remove } = place();
  afterAll(async () => remove?.());

  for (const { rule, name, run } of storeContract) {
    test(`rule ${rule}: ${name}`, async () => expect(await run(open)).toBeUndefined());
  }
});
