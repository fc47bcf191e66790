import { afterAll, describe, expect, test } from "vitest";
import { storeContract } from "../../../src/testing/index.ts";
import { noRedis } from "../support/redis-binary.ts";
import { redisStores } from "../support/stores.ts";

describe.skipIf(noRedis).each(redisStores)("the store contract: Redis, $name", ({ place }) => {
  const { open, remove } = place();
  afterAll(async () => remove?.());

  for (const { rule, name, run } of storeContract) {
    test(`rule ${rule}: ${name}`, async () => expect(await run(open)).toBeUndefined());
  }
});
